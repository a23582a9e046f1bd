import type { EventId } from '@myelin/protocol/identifiers';
import { resolveConflicts, splitStateMapKey, stateMapKey, type StateMapKey } from '@myelin/protocol/state-resolution';

import type { Interner } from '../../platform/database/index.ts';
import type { RoomIdentity } from '../room-ids.ts';
import { emptyState, rootOf, type State } from '../state/index.ts';
import { authDifference, conflictedSubgraph, type ChainTools } from './auth-chains.ts';
import { findConflicts, type KeyedConflicts } from './find-conflicts.ts';
import { GraphReader } from './graph-reader.ts';

export interface ResolveTools extends ChainTools {
  readonly names: Interner;
}

const resolutionsInMemory = 500;
/** A remembered resolution holds the nodes that it made; large ones are not worth it. */
const mostNodesRemembered = 200;

/**
 * Makes one state of several by the algorithm of the room version. The work is that of the disagreement, not of the size or age of the
 * room. https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
 */
export class StateResolver {
  readonly #tools: ResolveTools;
  /** By room and roots; insertion order is order of use. */
  readonly #resolved = new Map<string, State>();

  constructor(tools: ResolveTools) {
    this.#tools = tools;
  }

  /**
   * The resolution of these states; without any it is the empty state. What comes back may be a state that is not stored yet: the
   * write that uses it must call its `writeTo`.
   */
  async resolve(room: Pick<RoomIdentity, 'nid' | 'rules'>, states: readonly State[]): Promise<State> {
    const distinct = new Map(states.map((state) => [rootOf(state), state]));
    const [first, ...others] = [...distinct.keys()].sort().map((root) => distinct.get(root) as State);
    if (first === undefined) return emptyState;
    if (others.length === 0) return first;
    const key = `${room.nid} ${[...distinct.keys()].sort().join('/')}`;
    const known = this.#resolved.get(key);
    if (known !== undefined) {
      this.#resolved.delete(key);
      this.#resolved.set(key, known);
      return known;
    }
    const resolved = await this.#resolve(room, [first, ...others]);
    if (typeof resolved === 'string' || resolved.made.size <= mostNodesRemembered) this.#remember(key, resolved);
    return resolved;
  }

  async #resolve(room: Pick<RoomIdentity, 'nid' | 'rules'>, states: readonly State[]): Promise<State> {
    const { states: roomStates, events } = this.#tools;
    const [base] = states as [State];
    const conflicts = await findConflicts(roomStates, room.nid, states, room.rules);
    const changes = conflicts.filledIn.map(
      ({ type, stateKey, event }): { type: number; stateKey: number; event: number | undefined } => ({
        type,
        stateKey,
        event,
      }),
    );
    if (conflicts.list.length > 0) {
      const reader = new GraphReader(events, room.rules);
      const settled = await this.#settle(room, states, conflicts, reader);
      const places = await this.#placesOf([...settled.keys()]);
      for (const { type, stateKey } of conflicts.list) changes.push({ type, stateKey, event: undefined });
      for (const [key, eventId] of settled) {
        const place = places.get(key);
        if (place) changes.push({ ...place, event: reader.nidOf(eventId) });
      }
    }
    // Of several changes to one place the last counts: what conflicts is taken out first, then what was settled put in.
    return roomStates.tree.apply(room.nid, base, changes);
  }

  async #settle(
    room: Pick<RoomIdentity, 'nid' | 'rules'>,
    states: readonly State[],
    conflicts: KeyedConflicts,
    reader: GraphReader,
  ): Promise<Map<StateMapKey, EventId>> {
    const { rules } = room;
    const nids = new Set(conflicts.list.flatMap(({ values }) => values.filter((value) => value !== undefined)));
    const algorithm = rules.stateResolution;
    const difference = algorithm === 'v1' ? new Set<number>() : await authDifference(this.#tools, room, states, conflicts);
    const subgraph = algorithm === 'v2.1' ? await conflictedSubgraph(this.#tools, room, nids) : new Set<number>();
    await reader.load(new Set([...nids, ...difference, ...subgraph]));

    const texts = await this.#tools.names.textsOf(
      new Set([...conflicts.list, ...conflicts.filledIn].flatMap(({ type, stateKey }) => [type, stateKey])),
    );
    const keyOf = (place: { type: number; stateKey: number }): StateMapKey =>
      stateMapKey(texts.get(place.type) ?? '', texts.get(place.stateKey) ?? '');
    const conflicted = new Map(
      conflicts.list.map((conflict) => [
        keyOf(conflict),
        new Set(conflict.values.filter((value) => value !== undefined).map((nid) => reader.idOf(nid))),
      ]),
    );
    const agreed = new AgreedState(this.#tools, room.nid, states[0] as State, reader);
    for (const filled of conflicts.filledIn) await agreed.put(keyOf(filled), filled.event);

    for (;;) {
      const { changes } = resolveConflicts(
        {
          unconflicted: (key) => (conflicted.has(key) ? undefined : agreed.get(key)),
          conflicted,
          authDifference: new Set(Array.from(difference, (nid) => reader.idOf(nid))),
          conflictedSubgraph: new Set(Array.from(subgraph, (nid) => reader.idOf(nid))),
        },
        rules,
        reader.facts,
      );
      const loadedEvents = await reader.loadWanted();
      const loadedState = await agreed.loadWanted();
      if (!loadedEvents && !loadedState) return changes;
    }
  }

  async #placesOf(keys: readonly StateMapKey[]): Promise<Map<StateMapKey, { type: number; stateKey: number }>> {
    const places = await this.#tools.states.keysOf(keys.map(splitStateMapKey));
    return new Map(keys.flatMap((key, index) => (places[index] ? [[key, places[index]] as const] : [])));
  }

  #remember(key: string, state: State): void {
    this.#resolved.set(key, state);
    if (this.#resolved.size <= resolutionsInMemory) return;
    const oldest = this.#resolved.keys().next().value;
    if (oldest !== undefined) this.#resolved.delete(oldest);
  }
}

/** What all states have, looked up when it is first asked for. */
class AgreedState {
  readonly #tools: ResolveTools;
  readonly #roomNid: number;
  readonly #state: State;
  readonly #reader: GraphReader;
  readonly #known = new Map<StateMapKey, EventId | undefined>();
  readonly #wanted = new Set<StateMapKey>();

  constructor(tools: ResolveTools, roomNid: number, state: State, reader: GraphReader) {
    this.#tools = tools;
    this.#roomNid = roomNid;
    this.#state = state;
    this.#reader = reader;
  }

  get(key: StateMapKey): EventId | undefined {
    if (!this.#known.has(key)) this.#wanted.add(key);
    return this.#known.get(key);
  }

  async put(key: StateMapKey, nid: number): Promise<void> {
    await this.#reader.load([nid]);
    this.#known.set(key, this.#reader.idOf(nid));
  }

  async loadWanted(): Promise<boolean> {
    if (this.#wanted.size === 0) return false;
    const keys = [...this.#wanted];
    this.#wanted.clear();
    const found = await this.#tools.states.events(this.#roomNid, this.#state, keys.map(splitStateMapKey));
    await this.#reader.load(found.flatMap((event) => event?.nid ?? []));
    for (const [index, key] of keys.entries()) this.#known.set(key, found[index]?.eventId);
    return true;
  }
}
