import { syncStreams, type SyncStreamName, type SyncToken } from '../../platform/streams/index.ts';
import type { Rooms, SyncCompanion, SyncPart, SyncScope, SyncSource, Viewer } from '../../rooms/index.ts';

/** All that a client follows beside the events of its rooms. */
export class SyncSources {
  readonly #rooms: Rooms;
  readonly #sources: readonly SyncSource[];
  readonly #companions: readonly SyncCompanion[];

  constructor(rooms: Rooms, sources: readonly SyncSource[], companions: readonly SyncCompanion[] = []) {
    this.#rooms = rooms;
    this.#sources = sources;
    this.#companions = companions;
  }

  /** Up to where every stream can be read now. */
  now(): SyncToken {
    const token = {} as Record<SyncStreamName, number>;
    for (const name of syncStreams) token[name] = 0;
    const seen = new Set<SyncStreamName>();
    for (const source of this.#sources) {
      const { stream } = source;
      // Of sources that share a stream, the one that is behind counts.
      token[stream] = seen.has(stream) ? Math.min(token[stream], source.now()) : source.now();
      seen.add(stream);
    }
    token.events = this.#rooms.stream.now;
    return token;
  }

  /** What each of them has to tell, and up to where all of it is told: no further than `upTo`. */
  async ask(
    scope: SyncScope,
    since: SyncToken | undefined,
    upTo: SyncToken,
  ): Promise<{ readonly parts: readonly SyncPart[]; readonly toldUpTo: SyncToken }> {
    const asked: Promise<{ readonly stream: SyncStreamName; readonly part: SyncPart }>[] = [];
    const ask = async (stream: SyncStreamName, part: Promise<SyncPart>) => ({ stream, part: await part });
    for (const source of this.#sources) {
      const end = upTo[source.stream];
      if (since === undefined) {
        asked.push(ask(source.stream, source.everything(scope, end)));
        continue;
      }
      // A stream that lives in memory begins anew with the process; a token from before then says nothing about it.
      const start = since[source.stream] <= end ? since[source.stream] : 0;
      const moved = start < end || source.alsoFollows?.some((name) => since[name] < upTo[name]);
      if (moved || scope.newRooms.size > 0 || scope.roomsWithEvents.size > 0) {
        asked.push(ask(source.stream, source.changes(scope, start, end)));
      }
    }
    const answers = await Promise.all(asked);
    const toldUpTo: Record<SyncStreamName, number> = { ...upTo };
    for (const { stream, part } of answers) toldUpTo[stream] = Math.min(toldUpTo[stream], part.toldUpTo ?? Infinity);
    return { parts: answers.map(({ part }) => part), toldUpTo };
  }

  /** The client has all that came before this token. */
  async acknowledged(viewer: Viewer, since: SyncToken): Promise<void> {
    for (const source of this.#sources) await source.acknowledged?.(viewer, since[source.stream]);
  }

  /** A client comes from a time that this database has not seen. Gives what it must be told beside everything. */
  async putRight(viewer: Viewer): Promise<Readonly<Record<string, string>>> {
    const members: Record<string, string> = {};
    const upTo = this.now();
    for (const each of [...this.#sources, ...this.#companions]) Object.assign(members, await each.putRight?.(viewer, upTo));
    return members;
  }

  /** What stands in every answer. */
  async companions(viewer: Viewer): Promise<Readonly<Record<string, string>>> {
    const members: Record<string, string> = {};
    for (const companion of this.#companions) Object.assign(members, await companion.members(viewer));
    return members;
  }
}
