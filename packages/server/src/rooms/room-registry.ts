import { sql, type Database } from '../platform/database/index.ts';
import type { EventStore } from './events/event-store.ts';
import { memberCounts } from './membership/membership-store.ts';
import type { Memberships } from './membership/memberships.ts';
import type { RoomIdentity } from './room-ids.ts';
import { Room, type RoomHead } from './room.ts';
import { emptyState, stateRootFromBytes } from './state/index.ts';

const roomsInMemory = 2_000;
const attempts = 5;

/** The rooms that are written to, in memory: loaded on first use, dropped when others need the place. */
export class RoomRegistry {
  readonly #database: Database;
  readonly #events: EventStore;
  readonly #memberships: Memberships;
  /** Insertion order is order of use. */
  readonly #rooms = new Map<number, Promise<Room>>();
  /** Rooms that are not what they were taken for when the server started; see `revise`. */
  readonly #revised = new Map<number, RoomIdentity>();

  constructor(needs: { database: Database; events: EventStore; memberships: Memberships }) {
    this.#database = needs.database;
    this.#events = needs.events;
    this.#memberships = needs.memberships;
  }

  /** Takes a room that has just been made, before anybody else can ask for it. */
  add(identity: RoomIdentity): Room {
    const room = new Room(identity, this.#database.openLane(), { extremities: [], root: emptyState, members: new Map() });
    this.#rooms.set(identity.nid, Promise.resolve(room));
    return room;
  }

  /**
   * Runs `work` in the room's turn. When a write failed since the room was loaded, what memory holds is ahead of the database: the
   * room is loaded again first.
   */
  async inTurn<T>(identity: RoomIdentity, work: (room: Room) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const loading = this.#load(identity);
      const room = await loading;
      // Evicted or broken while we waited: two objects for one room must never both be written to.
      if (this.#rooms.get(identity.nid) !== loading) continue;
      const outcome = await room.turn(async () => {
        // Dropped while this waited for its turn, it is not to be written to either.
        if (room.lane.broken || this.#rooms.get(identity.nid) !== loading) return undefined;
        // The notifier cannot wait: whom a write concerns must be in memory before the write.
        const members = this.#memberships.localMembers(identity.nid);
        if (!this.#memberships.loadedLocalMembers(identity.nid)) await members;
        return { value: await work(room) };
      });
      if (outcome) return outcome.value;
      if (this.#rooms.get(identity.nid) === loading) this.drop(identity.nid);
    }
    throw new Error(`the writes of room ${identity.roomId} keep failing`);
  }

  /**
   * Makes a room another than it was taken for: `write` writes it down, in the room's turn. Whoever waits for a turn, even one who knows
   * the room as it was, gets the room as it is from then on.
   */
  async revise(before: RoomIdentity, after: RoomIdentity, write: () => Promise<void>): Promise<void> {
    await this.inTurn(before, async (room) => {
      await room.lastWrite;
      await write();
      this.#revised.set(after.nid, after);
      this.drop(after.nid);
    });
  }

  /** Forgets a room: its head is no longer what the database holds. */
  drop(roomNid: number): void {
    this.#rooms.delete(roomNid);
    this.#memberships.invalidateRoom(roomNid);
  }

  #load(identity: RoomIdentity): Promise<Room> {
    const known = this.#rooms.get(identity.nid);
    if (known) {
      this.#rooms.delete(identity.nid);
      this.#rooms.set(identity.nid, known);
      return known;
    }
    const loading = this.#read(this.#revised.get(identity.nid) ?? identity);
    this.#rooms.set(identity.nid, loading);
    loading.catch(() => this.#rooms.delete(identity.nid));
    if (this.#rooms.size > roomsInMemory) void this.#evictOne();
    return loading;
  }

  async #evictOne(): Promise<void> {
    for (const [nid, loading] of this.#rooms) {
      const room = await loading.catch(() => undefined);
      if (room?.busy || this.#rooms.get(nid) !== loading) continue;
      this.#rooms.delete(nid);
      return;
    }
  }

  async #read(identity: RoomIdentity): Promise<Room> {
    const [state, extremities, members] = await Promise.all([
      this.#database.get<{ root: Uint8Array | null }>(sql`SELECT root FROM room_state WHERE room_nid = ${identity.nid}`),
      this.#database.all<{ event_nid: number }>(
        sql`SELECT event_nid FROM forward_extremities WHERE room_nid = ${identity.nid} ORDER BY event_nid`,
      ),
      memberCounts(this.#database, identity.nid),
      this.#memberships.localMembers(identity.nid),
    ]);
    const events = await this.#events.listByNids(extremities.map((row) => row.event_nid));
    const head: RoomHead = {
      extremities: events.map(({ nid, eventId, depth, stateRoot }) => ({
        nid,
        eventId,
        depth,
        stateRoot: stateRoot ?? emptyState,
      })),
      root: stateRootFromBytes(state?.root ?? null),
      members,
    };
    return new Room(identity, this.#database.openLane(), head);
  }
}
