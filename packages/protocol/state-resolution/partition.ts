import type { EventId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import type { StateMap, StateMapKey } from './state-map.ts';

/** What a set of states agrees on, and what not. */
export interface Partition {
  readonly unconflicted: StateMap;
  readonly conflicted: ReadonlyMap<StateMapKey, ReadonlySet<EventId>>;
}

/**
 * Divides the entries of some states into what is agreed and what conflicts.
 * - Version 1 of the algorithm: a conflict is two different events for one key; a state that lacks the key agrees with the others.
 *   https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 * - Version 2: agreed is only what every state has, with the same event; https://spec.matrix.org/v1.19/rooms/v2/#definitions
 */
export function partitionStates(states: readonly StateMap[], rules: RoomVersionRules): Partition {
  const found = new Map<StateMapKey, { readonly events: Set<EventId>; states: number }>();
  for (const state of states) {
    for (const [key, eventId] of state) {
      const entry = found.get(key);
      if (entry) {
        entry.events.add(eventId);
        entry.states += 1;
      } else {
        found.set(key, { events: new Set([eventId]), states: 1 });
      }
    }
  }
  const absenceConflicts = rules.stateResolution !== 'v1';
  const unconflicted = new Map<StateMapKey, EventId>();
  const conflicted = new Map<StateMapKey, ReadonlySet<EventId>>();
  for (const [key, { events, states: count }] of found) {
    const [only, other] = events;
    if (only !== undefined && other === undefined && (count === states.length || !absenceConflicts)) unconflicted.set(key, only);
    else conflicted.set(key, events);
  }
  return { unconflicted, conflicted };
}
