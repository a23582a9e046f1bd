import { syncStreams, type SyncStreamName, type SyncToken } from '../../platform/streams/index.ts';
import type { SyncPart, SyncScope, SyncSource, Rooms } from '../../rooms/index.ts';

/** All that a client follows beside the events of its rooms. */
export class SyncSources {
  readonly #rooms: Rooms;
  readonly #sources: readonly SyncSource[];

  constructor(rooms: Rooms, sources: readonly SyncSource[]) {
    this.#rooms = rooms;
    this.#sources = sources;
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
      if (start < end || scope.newRooms.size > 0 || scope.roomsWithEvents.size > 0) asked.push(source.changes(scope, start, end));
    }
    return Promise.all(asked);
  }
}
