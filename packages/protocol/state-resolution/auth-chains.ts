import type { EventId } from '../identifiers/index.ts';
import type { EventReader } from './event-reader.ts';
import type { Partition } from './partition.ts';
import type { StateMap } from './state-map.ts';

/**
 * The auth difference of some states: the events that are in the full auth chain of one, but not of every state.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 *
 * The events of a state count as part of its chain. The spec's words leave them out, but servers count them, and what
 * counts here is that all of them do the same: an event that every state has must not be replayed because a
 * conflicting event of one state names it.
 *
 * Walks the whole auth chain once, so a server that keeps auth chains in a better form should work the difference out itself and
 * call `resolveConflicts`.
 */
export function authChainDifference(states: readonly StateMap[], partition: Partition, reader: EventReader): Set<EventId> {
  // What all states have is in every chain, with all that it rests on; beyond that each state walks only its own.
  const common = authChain(agreedEvents(states, partition), new Set(), reader);
  const chains = states.map((state) => authChain(state.values(), common, reader));
  const difference = new Set<EventId>();
  for (const chain of chains) {
    for (const eventId of chain) if (!chains.every((other) => other.has(eventId))) difference.add(eventId);
  }
  return difference;
}

function agreedEvents(states: readonly StateMap[], partition: Partition): EventId[] {
  const agreed: EventId[] = [];
  for (const [key, eventId] of partition.unconflicted) if (states.every((state) => state.has(key))) agreed.push(eventId);
  return agreed;
}

/** Some events and all that they rest on, without what is left out and what only that rests on. */
function authChain(from: Iterable<EventId>, without: ReadonlySet<EventId>, reader: EventReader): Set<EventId> {
  const chain = new Set<EventId>();
  const waiting = [...from];
  for (let eventId = waiting.pop(); eventId !== undefined; eventId = waiting.pop()) {
    if (chain.has(eventId) || without.has(eventId)) continue;
    chain.add(eventId);
    for (const authEvent of reader.event(eventId)?.authEvents ?? []) waiting.push(authEvent);
  }
  return chain;
}

/**
 * The conflicted state subgraph: all events on a path along auth events from one conflicted event to another.
 * https://spec.matrix.org/v1.19/rooms/v12/#definitions
 *
 * Walks the auth chains of the conflicted events; see {@link authChainDifference} on doing better.
 */
export function conflictedSubgraph(partition: Partition, reader: EventReader): Set<EventId> {
  const conflicted = new Set<EventId>();
  for (const events of partition.conflicted.values()) for (const eventId of events) conflicted.add(eventId);

  const namedBy = new Map<EventId, EventId[]>();
  for (const eventId of authChain(conflicted, new Set(), reader)) {
    for (const authEvent of reader.event(eventId)?.authEvents ?? []) {
      const namers = namedBy.get(authEvent);
      if (namers) namers.push(eventId);
      else namedBy.set(authEvent, [eventId]);
    }
  }
  // Everything in the chains rests below a conflicted event; what is also above one lies between two of them.
  const subgraph = new Set<EventId>();
  const waiting = [...conflicted];
  for (let eventId = waiting.pop(); eventId !== undefined; eventId = waiting.pop()) {
    if (subgraph.has(eventId)) continue;
    subgraph.add(eventId);
    waiting.push(...(namedBy.get(eventId) ?? []));
  }
  return subgraph;
}
