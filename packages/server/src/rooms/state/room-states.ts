import type { Interner } from '../../platform/database/index.ts';
import { sql, type Database, type Tx } from '../../platform/database/index.ts';
import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { stateRootFromBytes } from './open-state-tree.ts';
import { type StateEntry, type StateKey, type StateRoot } from './state-node.ts';
import type { State, StatePart, StateTree } from './state-tree.ts';

/** A place of the state by its names. */
export type StateName = readonly [type: string, stateKey: string];

const rootsInMemory = 20_000;

/** The states of rooms as events: what most readers ask for. */
export class RoomStates {
  readonly tree: StateTree;
  readonly #database: Database;
  readonly #names: Interner;
  readonly #events: EventStore;
  /** Committed current states; insertion order is order of use. */
  readonly #currentRoots = new Map<number, StateRoot>();

  constructor(needs: { database: Database; names: Interner; events: EventStore; tree: StateTree }) {
    this.#database = needs.database;
    this.#names = needs.names;
    this.#events = needs.events;
    this.tree = needs.tree;
  }

  /** The root of a room's current state, as committed. */
  async currentRoot(roomNid: number): Promise<StateRoot> {
    const known = this.#currentRoots.get(roomNid);
    if (known !== undefined) return known;
    const row = await this.#database.get<{ root: Uint8Array | null }>(
      sql`SELECT root FROM room_state WHERE room_nid = ${roomNid}`,
    );
    const root = stateRootFromBytes(row?.root ?? null);
    // A commit may have come in between, and what it said is newer.
    return this.#currentRoots.get(roomNid) ?? this.#rememberRoot(roomNid, root);
  }

  /** Makes a root the current one as soon as its write is committed. */
  moveCurrentRoot(tx: Tx, roomNid: number, root: StateRoot): void {
    tx.onCommit(() => void this.#rememberRoot(roomNid, root));
  }

  /** Forgets what memory holds of a room. */
  forgetRoom(roomNid: number): void {
    this.#currentRoots.delete(roomNid);
    this.tree.forgetRoom(roomNid);
  }

  /** The current state event of a type and key. */
  async current(roomNid: number, type: string, stateKey: string): Promise<StoredEvent | undefined> {
    return this.event(roomNid, await this.currentRoot(roomNid), type, stateKey);
  }

  /** One event of a state. */
  async event(roomNid: number, state: State, type: string, stateKey: string): Promise<StoredEvent | undefined> {
    const [event] = await this.events(roomNid, state, [[type, stateKey]]);
    return event;
  }

  /** Several events of a state, undefined where it has none; nodes and events are fetched together. */
  async events(roomNid: number, state: State, names: readonly StateName[]): Promise<(StoredEvent | undefined)[]> {
    const keys = await this.keysOf(names);
    const wanted = keys.filter((key) => key !== undefined);
    const nids = await this.tree.getMany(roomNid, state, wanted);
    const events = await this.#events.byNids(nids.filter((nid) => nid !== undefined));
    let next = 0;
    return keys.map((key) => {
      const nid = key === undefined ? undefined : nids[next++];
      return nid === undefined ? undefined : events.get(nid);
    });
  }

  /** All events of a state, or of a part of it. */
  async all(roomNid: number, state: State, part: StatePart = 'all'): Promise<StoredEvent[]> {
    return this.ofEntries(await this.tree.entries(roomNid, state, part));
  }

  /** All events of one type. */
  async allOfType(roomNid: number, state: State, type: string): Promise<StoredEvent[]> {
    const typeNid = await this.#names.knownIdOf(type);
    return typeNid === undefined ? [] : this.ofEntries(await this.tree.entriesOfType(roomNid, state, typeNid));
  }

  /** The events behind entries of a state. */
  async ofEntries(entries: readonly StateEntry[]): Promise<StoredEvent[]> {
    return this.#events.listByNids(entries.map(({ event }) => event));
  }

  /** The integers behind names; undefined where a name has never been seen, so that no state can have it. */
  async keysOf(names: readonly StateName[]): Promise<(StateKey | undefined)[]> {
    return Promise.all(
      names.map(async ([typeName, stateKeyName]) => {
        const type = await this.#names.knownIdOf(typeName);
        const stateKey = await this.#names.knownIdOf(stateKeyName);
        return type === undefined || stateKey === undefined ? undefined : { type, stateKey };
      }),
    );
  }

  #rememberRoot(roomNid: number, root: StateRoot): StateRoot {
    this.#currentRoots.delete(roomNid);
    this.#currentRoots.set(roomNid, root);
    if (this.#currentRoots.size > rootsInMemory) {
      const oldest = this.#currentRoots.keys().next().value;
      if (oldest !== undefined) this.#currentRoots.delete(oldest);
    }
    return root;
  }
}
