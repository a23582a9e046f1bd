import { readPolicyServer, type PolicyServer } from '@myelin/protocol/policy-servers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { isServerJoined, type PersistHook, type RoomIdentity, type Rooms } from '../../rooms/index.ts';

export interface PolicyServersOfRoomsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly rooms: Pick<Rooms, 'states' | 'partial'>;
}

/** Rooms of which memory knows whether they name a policy server; of one more it is read again. */
const roomsInMemory = 20_000;

/** Which rooms have a policy server. Of a room that names none, which nearly all are, memory knows it. */
export class PolicyServersOfRooms {
  readonly #needs: PolicyServersOfRoomsNeeds;
  /** What the rooms name, whoever is in them; those being read as promises. Oldest first. */
  readonly #named = new Map<number, PolicyServer | undefined | Promise<PolicyServer | undefined>>();
  /** Forgets what a room named before, as soon as it names another. */
  readonly hook: PersistHook = {
    name: 'policy servers',
    prepare: ({ room, stateChanges }) => {
      if (!stateChanges.some(({ type, stateKey }) => type === 'm.room.policy' && stateKey === '')) return undefined;
      return (tx) => tx.onCommit(() => void this.#named.delete(room.nid));
    },
  };

  constructor(needs: PolicyServersOfRoomsNeeds) {
    this.#needs = needs;
  }

  /**
   * The policy server that a room uses now; undefined, at once where the room was asked for before, for one that uses none.
   * https://spec.matrix.org/v1.19/server-server-api/#determining-if-a-policy-server-is-enabled-in-a-room
   */
  of(room: RoomIdentity): undefined | Promise<PolicyServer | undefined> {
    const known = this.#named.get(room.nid);
    if (known === undefined && this.#named.has(room.nid)) return undefined;
    return this.#usedOf(room, known ?? this.#read(room));
  }

  async #usedOf(
    { nid }: RoomIdentity,
    named: PolicyServer | Promise<PolicyServer | undefined>,
  ): Promise<PolicyServer | undefined> {
    const server = await named;
    return server && (await this.#isIn(nid, server)) ? server : undefined;
  }

  #read({ nid }: RoomIdentity): Promise<PolicyServer | undefined> {
    const reading = this.#needs.rooms.states.current(nid, 'm.room.policy', '').then((event) => {
      const server = readPolicyServer(event?.content);
      // The room may name another by now.
      if (this.#named.get(nid) === reading) this.#named.set(nid, server);
      return server;
    });
    this.#named.set(nid, reading);
    reading.catch(() => this.#named.get(nid) === reading && this.#named.delete(nid));
    if (this.#named.size > roomsInMemory) this.#forgetOldest();
    return reading;
  }

  #forgetOldest(): void {
    const oldest = this.#named.keys().next();
    if (!oldest.done) this.#named.delete(oldest.value);
  }

  /** The server must want it: one of its users is in the room. */
  async #isIn(roomNid: number, { via }: PolicyServer): Promise<boolean> {
    const { database, names, rooms } = this.#needs;
    const serverNid = await names.knownIdOf(via);
    if (serverNid !== undefined && (await isServerJoined(database, roomNid, serverNid))) return true;
    return rooms.partial.serversOf(roomNid).has(via);
  }
}
