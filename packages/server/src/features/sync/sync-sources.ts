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

  /** What each of them has to tell. */
  ask(scope: SyncScope, since: SyncToken | undefined, upTo: SyncToken): Promise<SyncPart[]> {
    const asked: Promise<SyncPart>[] = [];
    for (const source of this.#sources) {
      const end = upTo[source.stream];
      if (since === undefined) {
        asked.push(source.everything(scope, end));
        continue;
      }
      // A stream that lives in memory begins anew with the process; a token from before then says nothing about it.
      const start = since[source.stream] <= end ? since[source.stream] : 0;
      const moved = start < end || source.alsoFollows?.some((name) => since[name] < upTo[name]);
      if (moved || scope.newRooms.size > 0 || scope.roomsWithEvents.size > 0) asked.push(source.changes(scope, start, end));
    }
    return Promise.all(asked);
  }

  /** The client has all that came before this token. */
  async acknowledged(viewer: Viewer, since: SyncToken): Promise<void> {
    for (const source of this.#sources) await source.acknowledged?.(viewer, since[source.stream]);
  }

  /** What stands in every answer. */
  async companions(viewer: Viewer): Promise<Readonly<Record<string, string>>> {
    const members: Record<string, string> = {};
    for (const companion of this.#companions) Object.assign(members, await companion.members(viewer));
    return members;
  }
}
