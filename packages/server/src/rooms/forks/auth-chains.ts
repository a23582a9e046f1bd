import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { referencesOf } from '../events/event-codec.ts';
import type { EventStore } from '../events/event-store.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { RoomStates, State } from '../state/index.ts';
import type { AuthEdges } from './auth-edges.ts';
import type { KeyedConflicts } from './find-conflicts.ts';

export interface ChainTools {
  readonly events: EventStore;
  readonly states: RoomStates;
  readonly edges: AuthEdges;
}

/**
 * The auth difference of some states: the events in the full auth chain of one, but not of every state. Walks down from what conflicts
 * and stops wherever it meets an event that some agreed event of the states rests on, for then every chain has it and all below.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export async function authDifference(
  tools: ChainTools,
  room: Pick<RoomIdentity, 'nid' | 'rules'>,
  states: readonly State[],
  conflicts: KeyedConflicts,
): Promise<Set<number>> {
  const common = new CommonGround(tools, room.nid, states[0] as State, conflicts);
  const chains: Set<number>[] = [];
  for (let index = 0; index < states.length; index++) {
    const chain = new Set<number>();
    let frontier = conflicts.list.flatMap(({ values }) => values[index] ?? []);
    while (frontier.length > 0) {
      const uncommon: number[] = [];
      for (const nid of new Set(frontier)) {
        if (chain.has(nid) || (await common.has(nid))) continue;
        chain.add(nid);
        uncommon.push(nid);
      }
      frontier = [...(await authNidsOf(tools.events, uncommon, room.rules)).values()].flat();
    }
    chains.push(chain);
  }
  const difference = new Set<number>();
  for (const chain of chains) for (const nid of chain) if (!chains.every((other) => other.has(nid))) difference.add(nid);
  return difference;
}

/**
 * The conflicted state subgraph: all events on a path along auth events from one conflicted event to another. An auth event's number is
 * smaller than its child's, so the walk down ends at the smallest conflicted one.
 * https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export async function conflictedSubgraph(
  tools: Pick<ChainTools, 'events'>,
  { rules }: Pick<RoomIdentity, 'rules'>,
  conflicted: ReadonlySet<number>,
): Promise<Set<number>> {
  let lowest = Infinity;
  for (const nid of conflicted) lowest = Math.min(lowest, nid);
  const namedBy = new Map<number, number[]>();
  const seen = new Set(conflicted);
  let frontier = [...conflicted];
  while (frontier.length > 0) {
    const below: number[] = [];
    for (const [nid, authNids] of await authNidsOf(tools.events, frontier, rules)) {
      for (const authNid of authNids) {
        if (authNid < lowest) continue;
        const namers = namedBy.get(authNid);
        if (namers) namers.push(nid);
        else namedBy.set(authNid, [nid]);
        if (seen.has(authNid)) continue;
        seen.add(authNid);
        below.push(authNid);
      }
    }
    frontier = below;
  }
  // Everything seen lies below a conflicted event; what is also above one lies between two of them.
  const subgraph = new Set<number>();
  const waiting = [...conflicted];
  for (let nid = waiting.pop(); nid !== undefined; nid = waiting.pop()) {
    if (subgraph.has(nid)) continue;
    subgraph.add(nid);
    waiting.push(...(namedBy.get(nid) ?? []));
  }
  return subgraph;
}

/** The auth events of some events, as far as they are known, by the number of the event that names them. */
async function authNidsOf(
  events: EventStore,
  nids: readonly number[],
  rules: RoomVersionRules,
): Promise<Map<number, readonly number[]>> {
  const found = await events.byNids(nids);
  const references = Array.from(found, ([nid, { envelope }]) => [nid, referencesOf(envelope, rules).auth] as const);
  // Most are kept by number; an id stands where the event was not known or the reference is oddly spelt.
  const ids = references.flatMap(([, auth]) => auth.filter((reference): reference is EventId => typeof reference === 'string'));
  const nidOf = ids.length === 0 ? new Map<EventId, number>() : await events.nidsOf(ids);
  return new Map(
    references.map(([nid, auth]) => [
      nid,
      auth.flatMap((reference) => (typeof reference === 'number' ? reference : (nidOf.get(reference) ?? []))),
    ]),
  );
}

/** Which events are in the auth chain of every state because an event that all of them agree on is, or rests on, them. */
class CommonGround {
  readonly #tools: ChainTools;
  readonly #roomNid: number;
  readonly #state: State;
  readonly #conflicts: KeyedConflicts;
  readonly #known = new Map<number, boolean>();

  /** @param state any of the states: where nothing conflicts they are alike */
  constructor(tools: ChainTools, roomNid: number, state: State, conflicts: KeyedConflicts) {
    this.#tools = tools;
    this.#roomNid = roomNid;
    this.#state = state;
    this.#conflicts = conflicts;
  }

  async has(nid: number): Promise<boolean> {
    const known = this.#known.get(nid);
    if (known !== undefined) return known;
    const event = await this.#tools.events.byNid(nid);
    if (!event || event.stateKey === undefined) return this.#note([nid], false);
    // Everything in a room rests on its create event.
    if (event.type === 'm.room.create') return this.#note([nid], true);
    const [key] = await this.#tools.states.keysOf([[event.type, event.stateKey]]);
    if (key && (await this.#isAgreed(nid, key.type, key.stateKey))) return this.#note([nid], true);

    const visited = new Set([nid]);
    const waiting = [nid];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for await (const children of this.#tools.edges.childrenOf(at)) {
        for (const child of children) {
          if (visited.has(child.nid)) continue;
          visited.add(child.nid);
          if (this.#known.get(child.nid) ?? (await this.#isAgreed(child.nid, child.typeNid, child.stateKeyNid))) {
            return this.#note([nid], true);
          }
          if (!this.#known.has(child.nid)) waiting.push(child.nid);
        }
      }
    }
    // Nothing above any of them is agreed on either.
    return this.#note(visited, false);
  }

  async #isAgreed(nid: number, type: number, stateKey: number): Promise<boolean> {
    if (this.#conflicts.has(type, stateKey)) return false;
    return (await this.#tools.states.tree.get(this.#roomNid, this.#state, { type, stateKey })) === nid;
  }

  #note(nids: Iterable<number>, isCommon: boolean): boolean {
    for (const nid of nids) this.#known.set(nid, isCommon);
    return isCommon;
  }
}
