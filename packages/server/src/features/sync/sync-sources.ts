import { syncStreams, type SyncStreamName, type SyncToken } from '../../platform/streams/index.ts';
import type { Rooms, SyncCompanion, SyncPart, SyncScope, SyncSource, Viewer } from '../../rooms/index.ts';

/** All that a client follows beside the events of its rooms. */
export class SyncSources {
  readonly #rooms: Rooms;
  readonly #sources: readonly SyncSource[];
  readonly #companions: readonly SyncCompanion[];
  readonly #hearing: readonly SyncSource[];
  /** Each source, and whether another one before it has the same stream. */
  readonly #streams: readonly { readonly source: SyncSource; readonly isShared: boolean }[];

  constructor(rooms: Rooms, sources: readonly SyncSource[], companions: readonly SyncCompanion[] = []) {
    this.#rooms = rooms;
    this.#sources = sources;
    this.#companions = companions;
    this.#hearing = sources.filter(({ acknowledged }) => acknowledged !== undefined);
    this.#streams = sources.map((source, index) => ({
      source,
      isShared: sources.findIndex(({ stream }) => stream === source.stream) < index,
    }));
  }

  /** Up to where every stream can be read now. */
  now(): SyncToken {
    const token = {} as Record<SyncStreamName, number>;
    for (const name of syncStreams) token[name] = 0;
    for (const { source, isShared } of this.#streams) {
      const { stream } = source;
      // Of sources that share a stream, the one that is behind counts.
      token[stream] = isShared ? Math.min(token[stream], source.now()) : source.now();
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
    const streams: SyncStreamName[] = [];
    const asked: Promise<SyncPart>[] = [];
    const ask = (stream: SyncStreamName, part: Promise<SyncPart>): void => {
      streams.push(stream);
      asked.push(part);
    };
    for (const source of this.#sources) {
      const end = upTo[source.stream];
      if (since === undefined) {
        ask(source.stream, source.everything(scope, end));
        continue;
      }
      // A stream that lives in memory begins anew with the process; a token from before then says nothing about it.
      const start = since[source.stream] <= end ? since[source.stream] : 0;
      const moved = start < end || source.alsoFollows?.some((name) => since[name] < upTo[name]);
      const hasTimelines = source.followsTimelines === true && scope.roomsWithEvents.size > 0;
      if (moved || scope.newRooms.size > 0 || hasTimelines) ask(source.stream, source.changes(scope, start, end));
    }
    const parts = await Promise.all(asked);
    const toldUpTo: Record<SyncStreamName, number> = { ...upTo };
    for (const [index, stream] of streams.entries()) {
      toldUpTo[stream] = Math.min(toldUpTo[stream], parts[index]?.toldUpTo ?? Infinity);
    }
    return { parts, toldUpTo };
  }

  /** The client has all that came before this token. */
  async acknowledged(viewer: Viewer, since: SyncToken): Promise<void> {
    for (const source of this.#hearing) await source.acknowledged?.(viewer, since[source.stream]);
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
