import type { Database, Tx } from '../../platform/database/index.ts';
import { joinedUsersOfServer, membershipOf, membershipsOfUser, writeMembershipChanges } from './membership-store.ts';
import type { Membership, MembershipChange, UserMembership } from './membership.ts';

const cachedUsers = 2_000;
const cachedRooms = 2_000;

/** A user's rooms as memory has them; it changes with each commit. */
export interface UserRooms {
  /** All rooms in which the user has or had a membership. */
  readonly all: ReadonlyMap<number, UserMembership>;
  /** Those that the user is joined to. The set stays as it is: a change makes another one. */
  readonly joined: ReadonlySet<number>;
  /** Where in the events stream the latest of the memberships came about. */
  readonly lastChange: number;
}

interface LoadedRooms {
  readonly all: Map<number, UserMembership>;
  joined: ReadonlySet<number>;
  lastChange: number;
}

/**
 * Who is in which room by the current state, from memory where it has been asked before: a local user's rooms, a room's local
 * members. Kept current by `apply` after each commit.
 */
export class Memberships {
  readonly #database: Database;
  readonly #ourServerNid: number;
  /** Users' rooms, of local users mostly; insertion order is order of use. */
  readonly #roomsOfUser = new Map<number, Promise<LoadedRooms>>();
  readonly #localMembersOfRoom = new Map<number, Promise<Set<number>>>();
  /** The same sets once loaded, for those who cannot wait (the notifier). */
  readonly #loadedMembers = new Map<number, Set<number>>();

  constructor(database: Database, ourServerNid: number) {
    this.#database = database;
    this.#ourServerNid = ourServerNid;
  }

  /** All rooms in which the user has or had a membership, by room. Do not change the map. */
  async roomsOf(userNid: number): Promise<ReadonlyMap<number, UserMembership>> {
    return (await this.userRooms(userNid)).all;
  }

  /** The same with what can be told of them without going through them. Do not change it. */
  userRooms(userNid: number): Promise<UserRooms> {
    return remembered(this.#roomsOfUser, userNid, cachedUsers, async () => {
      const memberships = await membershipsOfUser(this.#database, userNid);
      return {
        all: new Map(memberships.map((membership) => [membership.roomNid, membership])),
        joined: new Set(memberships.flatMap(({ membership, roomNid }) => (membership === 'join' ? roomNid : []))),
        lastChange: memberships.reduce((last, { position }) => Math.max(last, position), 0),
      };
    });
  }

  /** A user's membership of a room; undefined where there never was any. */
  async of(userNid: number, roomNid: number): Promise<UserMembership | undefined> {
    const known = this.#roomsOfUser.get(userNid);
    return known ? (await known).all.get(roomNid) : membershipOf(this.#database, userNid, roomNid);
  }

  /** Whether the user is joined to the room now. */
  async isJoined(userNid: number, roomNid: number): Promise<boolean> {
    return (await this.of(userNid, roomNid))?.membership === 'join';
  }

  /** The rooms that a user is joined to. */
  async joinedRooms(userNid: number): Promise<number[]> {
    return [...(await this.userRooms(userNid)).joined];
  }

  /** Whether two local users are joined to one room, those of `except` not counted. Walks the rooms of the one who is in fewer. */
  async shareRoom(one: number, other: number, except: ReadonlySet<number> = new Set()): Promise<boolean> {
    const [ones, others] = await Promise.all([this.roomsOf(one), this.roomsOf(other)]);
    const [fewer, more] = ones.size <= others.size ? [ones, others] : [others, ones];
    for (const { roomNid, membership } of fewer.values()) {
      if (membership === 'join' && more.get(roomNid)?.membership === 'join' && !except.has(roomNid)) return true;
    }
    return false;
  }

  /** Our joined users in a room. Do not change the set. */
  async localMembers(roomNid: number): Promise<ReadonlySet<number>> {
    return remembered(
      this.#localMembersOfRoom,
      roomNid,
      cachedRooms,
      async () => {
        const members = new Set(await joinedUsersOfServer(this.#database, roomNid, this.#ourServerNid));
        this.#loadedMembers.set(roomNid, members);
        return members;
      },
      (forgotten) => this.#loadedMembers.delete(forgotten),
    );
  }

  /** The same from memory; undefined where it has not been loaded. A room's turn loads it before it writes. */
  loadedLocalMembers(roomNid: number): ReadonlySet<number> | undefined {
    return this.#loadedMembers.get(roomNid);
  }

  /** Puts changes into a write; memory follows when it is committed. */
  write(tx: Tx, changes: readonly MembershipChange[]): void {
    writeMembershipChanges(tx, changes);
    tx.onCommit(() => {
      for (const change of changes) this.#apply(change);
    });
  }

  /** Forgets what memory holds of a user's rooms: the next question asks the database. */
  invalidateUser(userNid: number): void {
    this.#roomsOfUser.delete(userNid);
  }

  /** Forgets what memory holds of a room's members. */
  invalidateRoom(roomNid: number): void {
    this.#localMembersOfRoom.delete(roomNid);
    this.#loadedMembers.delete(roomNid);
  }

  #apply(change: MembershipChange): void {
    // A load under way may have read before or after this commit: applying the change to it is right in both cases.
    void this.#roomsOfUser.get(change.userNid)?.then((rooms) => {
      const known = rooms.all.get(change.roomNid);
      if (!known || known.position <= change.position) applyOwn(rooms, { ...change, forgotten: false });
    });
    if (!change.local) return;
    const loaded = this.#loadedMembers.get(change.roomNid);
    if (loaded) applyMember(loaded, change.userNid, change.membership);
    else
      void this.#localMembersOfRoom
        .get(change.roomNid)
        ?.then((members) => applyMember(members, change.userNid, change.membership));
  }
}

function applyOwn(rooms: LoadedRooms, membership: UserMembership): void {
  rooms.all.set(membership.roomNid, membership);
  if (rooms.joined.has(membership.roomNid) !== (membership.membership === 'join')) {
    // Readers go on with the set that they have been given.
    const joined = new Set(rooms.joined);
    applyMember(joined, membership.roomNid, membership.membership);
    rooms.joined = joined;
  }
  rooms.lastChange = Math.max(rooms.lastChange, membership.position);
}

function applyMember(members: Set<number>, nid: number, membership: Membership): void {
  if (membership === 'join') members.add(nid);
  else members.delete(nid);
}

/** A small cache of loads, least recently used first out; a load that failed is not kept. */
function remembered<Value>(
  cache: Map<number, Promise<Value>>,
  key: number,
  limit: number,
  load: () => Promise<Value>,
  onForget?: (key: number) => void,
): Promise<Value> {
  const known = cache.get(key);
  if (known) {
    cache.delete(key);
    cache.set(key, known);
    return known;
  }
  const loading = load();
  cache.set(key, loading);
  loading.catch(() => cache.delete(key));
  if (cache.size > limit) {
    const oldest = cache.keys().next().value;
    if (oldest !== undefined) {
      cache.delete(oldest);
      onForget?.(oldest);
    }
  }
  return loading;
}
