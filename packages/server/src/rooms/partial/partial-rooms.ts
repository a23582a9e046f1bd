import { unknown as unknownError } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner, Tx } from '../../platform/database/index.ts';
import {
  completePartialRoom,
  forgetPartialRoom,
  putPartialRoom,
  readPartialRooms,
  readPartialRoomServers,
} from './partial-rooms.store.ts';

/** A room that this server has entered and whose members it does not all know yet. */
export interface PartialRoom {
  readonly roomNid: number;
  /** The join by which this server came in, and its place in the events stream. */
  readonly joinNid: number;
  readonly joinPosition: number;
  /** The server through which it came in. */
  readonly origin: ServerName;
  /** The other servers that were in the room before the join, by what `origin` said. */
  readonly servers: ReadonlySet<ServerName>;
}

/** As long as the most patient of clients wait. */
const longestWaitMs = 60_000;
const gatewayTimeout = 504;
const nobody: ReadonlySet<ServerName> = new Set();

/**
 * Which rooms lack members. What is known of them is durable; the rest of the server asks here, in memory: whom to send to, what to hold
 * back, what to wait for. docs/decisions/rooms-without-all-their-members.md
 */
export class PartialRooms {
  readonly #names: Interner;
  readonly #clock: Clock;
  readonly #partial = new Map<number, PartialRoom>();
  /** Where in the events stream the members of rooms came in that were partial once. */
  readonly #completed = new Map<number, number>();
  #lastCompleted = 0;
  readonly #waiting = new Map<number, Set<() => void>>();

  private constructor(names: Interner, clock: Clock) {
    this.#names = names;
    this.#clock = clock;
  }

  static async open({
    database,
    names,
    clock,
  }: {
    readonly database: Database;
    readonly names: Interner;
    readonly clock: Clock;
  }): Promise<PartialRooms> {
    const rooms = new PartialRooms(names, clock);
    const servers = Map.groupBy(await readPartialRoomServers(database), (row) => row.room_nid);
    for (const row of await readPartialRooms(database)) {
      if (row.completed_position !== null) {
        rooms.#noteCompleted(row.room_nid, row.completed_position);
        continue;
      }
      const nids = (servers.get(row.room_nid) ?? []).map(({ server_nid: nid }) => nid);
      const texts = await names.textsOf([row.origin_nid, ...nids]);
      rooms.#partial.set(row.room_nid, {
        roomNid: row.room_nid,
        joinNid: row.join_nid,
        joinPosition: row.join_position,
        origin: texts.get(row.origin_nid) as ServerName,
        servers: new Set(nids.flatMap((nid) => (texts.get(nid) as ServerName | undefined) ?? [])),
      });
    }
    return rooms;
  }

  /** The room while it lacks members. */
  of(roomNid: number): PartialRoom | undefined {
    return this.#partial.get(roomNid);
  }

  get all(): readonly PartialRoom[] {
    return [...this.#partial.values()];
  }

  /** The servers that were said to be in the room, while nothing better is known. */
  serversOf(roomNid: number): ReadonlySet<ServerName> {
    return this.#partial.get(roomNid)?.servers ?? nobody;
  }

  /** Where in the events stream the room's members came in, should it have been partial; 0 otherwise, and while it is. */
  completedAt(roomNid: number): number {
    return this.#completed.get(roomNid) ?? 0;
  }

  /** Those of some rooms that lacked members when the events stream stood at a position. */
  lackingAt(roomNids: ReadonlySet<number>, position: number): number[] {
    const lacking = [...this.#partial.keys()].filter((nid) => roomNids.has(nid));
    return position >= this.#lastCompleted ? lacking : [...lacking, ...this.completedBetween(roomNids, position, Infinity)];
  }

  /** Those of some rooms whose members came in after one position and not after another. */
  completedBetween(roomNids: ReadonlySet<number>, after: number, upTo: number): number[] {
    if (after >= this.#lastCompleted) return [];
    return [...roomNids].filter((nid) => {
      const position = this.completedAt(nid);
      return position > after && position <= upTo;
    });
  }

  /**
   * Resolves with true when the room's members are known, which is at once for nearly every room; with false when they have not come in
   * time, or nobody of this server is left in the room.
   */
  async whenComplete(roomNid: number, timeoutMs: number): Promise<boolean> {
    if (!this.#partial.has(roomNid)) return true;
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(roomNid) ?? new Set();
      this.#waiting.set(roomNid, waiting);
      const end = (): void => {
        late.cancel();
        waiting.delete(end);
        resolve();
      };
      const late = this.#clock.schedule(timeoutMs, end);
      waiting.add(end);
    });
    return !this.#partial.has(roomNid);
  }

  /** The same for whoever cannot do without. Throws M_UNKNOWN with status 504 where they do not come. */
  async untilComplete(roomNid: number): Promise<void> {
    if (await this.whenComplete(roomNid, longestWaitMs)) return;
    throw unknownError('The members of this room are still on their way here', gatewayTimeout);
  }

  /** The integers of the names that `enter` writes down. */
  async nidsOf(room: Pick<PartialRoom, 'origin' | 'servers'>): Promise<{ readonly origin: number; readonly servers: number[] }> {
    const nids = await this.#names.idsOf([room.origin, ...room.servers]);
    return { origin: nids.get(room.origin) ?? 0, servers: [...room.servers].map((server) => nids.get(server) ?? 0) };
  }

  /** The room is entered without its members. Counts at once: the room's next turn builds on it. */
  enter(tx: Tx, room: PartialRoom, nids: { readonly origin: number; readonly servers: readonly number[] }): void {
    const { roomNid, joinNid, joinPosition } = room;
    const row = { room_nid: roomNid, join_nid: joinNid, join_position: joinPosition, origin_nid: nids.origin };
    putPartialRoom(tx, { ...row, completed_position: null }, nids.servers);
    this.#partial.set(roomNid, room);
    this.#completed.delete(roomNid);
  }

  /** The write in which the room was entered has failed. */
  entranceFailed(room: PartialRoom): void {
    if (this.#partial.get(room.roomNid) === room) this.#partial.delete(room.roomNid);
    this.wake(room.roomNid);
  }

  /** The members are known, from this write on. */
  complete(tx: Tx, roomNid: number, position: number): void {
    completePartialRoom(tx, roomNid, position);
    tx.onCommit(() => {
      this.#partial.delete(roomNid);
      this.#noteCompleted(roomNid, position);
      this.wake(roomNid);
    });
  }

  #noteCompleted(roomNid: number, position: number): void {
    this.#completed.set(roomNid, position);
    this.#lastCompleted = Math.max(this.#lastCompleted, position);
  }

  /** The room is entered with all of its members, whatever it was before. */
  forget(tx: Tx, roomNid: number): void {
    if (!this.#partial.has(roomNid)) return;
    forgetPartialRoom(tx, roomNid);
    tx.onCommit(() => {
      this.#partial.delete(roomNid);
      this.wake(roomNid);
    });
  }

  /** Whoever waits looks again: because the members are there, or will not come. */
  wake(roomNid: number): void {
    const waiting = this.#waiting.get(roomNid);
    this.#waiting.delete(roomNid);
    for (const end of waiting ?? []) end();
  }
}
