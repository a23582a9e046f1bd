import type { ServerName } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { RecentChanges } from '../../platform/streams/index.ts';
import {
  joinedServers,
  membershipIn,
  serverOfMember,
  type PersistHook,
  type Rooms,
  type StoredEvent,
} from '../../rooms/index.ts';
import { membershipEventsAfter, wasJoinedBy } from './outbound.store.ts';

interface RoomServersNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly serverName: ServerName;
  readonly rooms: Pick<Rooms, 'events' | 'stream' | 'partial'>;
}

const roomsInMemory = 5000;

/** Which other servers are in a room, from memory where it was asked before. */
export class RoomServers {
  readonly #needs: RoomServersNeeds;
  /** Insertion order is order of use. */
  readonly #now = new Map<number, Promise<ReadonlySet<ServerName>>>();

  /** Rooms in which users of other servers came or went lately. */
  readonly #moved: RecentChanges;

  constructor(needs: RoomServersNeeds) {
    this.#needs = needs;
    this.#moved = new RecentChanges(needs.rooms.stream.now);
  }

  /** Forgets what is no longer so, with the write that makes it so. */
  get persistHook(): PersistHook {
    return {
      name: 'servers of rooms',
      prepare: ({ room, membershipChanges }) => {
        const moved = membershipChanges.findLast(({ local, membership, previous }) => !local && membership !== previous);
        if (!moved) return undefined;
        return (tx) =>
          tx.onCommit(() => {
            this.#now.delete(room.nid);
            this.#moved.changed(room.nid, moved.position);
          });
      },
    };
  }

  /**
   * The other servers that are in the room now: those with joined members and, while these are on their way, those that are said to be.
   * Do not change the set.
   */
  async of(roomNid: number): Promise<ReadonlySet<ServerName>> {
    // First what is said: the members may come in between, and then it is said no more.
    const said = this.#needs.rooms.partial.serversOf(roomNid);
    const joined = await this.#joined(roomNid);
    return said.size === 0 ? joined : joined.union(said);
  }

  #joined(roomNid: number): Promise<ReadonlySet<ServerName>> {
    const known = this.#now.get(roomNid);
    if (known) {
      this.#now.delete(roomNid);
      this.#now.set(roomNid, known);
      return known;
    }
    const loading = this.#load(roomNid);
    this.#now.set(roomNid, loading);
    loading.catch(() => this.#now.delete(roomNid));
    if (this.#now.size > roomsInMemory) {
      const oldest = this.#now.keys().next().value;
      if (oldest !== undefined) this.#now.delete(oldest);
    }
    return loading;
  }

  /**
   * The other servers that an event of our own is for: those with joined members right before or after it, and the server of a user whom it
   * puts out of the room. (Who is invited hears of it by the invitation itself.)
   */
  async concernedBy(event: StoredEvent): Promise<Set<ServerName>> {
    const concerned = new Set(await this.#after(event));
    if (event.type === 'm.room.member' && event.stateKey !== undefined) {
      const previous = event.replacesNid === undefined ? undefined : await this.#needs.rooms.events.byNid(event.replacesNid);
      const wasIn = previous !== undefined && membershipIn(previous.content) === 'join';
      const now = membershipIn(event.content);
      const server = serverOfMember(event.stateKey) as ServerName | '';
      if (server !== '' && (wasIn || now === 'leave' || now === 'ban')) concerned.add(server);
    }
    concerned.delete(this.#needs.serverName);
    return concerned;
  }

  /** Who was in the room right after an event: who is there now, but for what has happened since. */
  async #after({ roomNid, position = 0 }: StoredEvent): Promise<ReadonlySet<ServerName>> {
    const { database, names, rooms, serverName } = this.#needs;
    const memberType = await names.idOf('m.room.member');
    for (;;) {
      const said = rooms.partial.serversOf(roomNid);
      const now = await this.of(roomNid);
      if (!this.#moved.mayHaveChanged(roomNid, position)) return now;
      const since = await membershipEventsAfter(database, roomNid, position, memberType);
      if (since.length === 0) return now;
      const before = new Map<number, boolean>();
      for (const { userNid, replacesNid } of since) {
        if (before.has(userNid)) continue;
        const replaced = replacesNid === undefined ? undefined : await rooms.events.byNid(replacesNid);
        before.set(userNid, replaced !== undefined && membershipIn(replaced.content) === 'join');
      }
      const users = await names.textsOf(before.keys());
      const then = new Set(now);
      const ofMoved = Map.groupBy(before, ([userNid]) => serverOfMember(users.get(userNid) ?? '') as ServerName | '');
      for (const [server, moved] of ofMoved) {
        if (server === '') continue;
        const wasIn =
          moved.some(([, joined]) => joined) || (await wasJoinedBy(database, roomNid, await names.idOf(server), position));
        if (wasIn) then.add(server);
        else then.delete(server);
      }
      for (const server of said) then.add(server);
      then.delete(serverName);
      // Somebody may have come or gone while we looked.
      if ((await membershipEventsAfter(database, roomNid, position, memberType)).length === since.length) return then;
    }
  }

  async #load(roomNid: number): Promise<ReadonlySet<ServerName>> {
    const { database, names, serverName } = this.#needs;
    const servers = await names.textsOf(await joinedServers(database, roomNid));
    return new Set([...servers.values()].filter((server): server is ServerName => server !== serverName));
  }
}
