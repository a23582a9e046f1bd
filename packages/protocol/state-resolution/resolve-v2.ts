import type { RoomEvent } from '../events/pdu.ts';
import type { EventId } from '../identifiers/index.ts';
import type { Conflicts } from './conflicts.ts';
import type { EventReader } from './event-reader.ts';
import { iterativeAuthChecks } from './iterative-auth-checks.ts';
import { mainlineOrdering } from './ordering/mainline-ordering.ts';
import { reverseTopologicalPowerOrdering } from './ordering/power-ordering.ts';
import { stateMapKey } from './state-map.ts';
import type { StateMapKey } from './state-map.ts';

/**
 * Version 2 of the algorithm, https://spec.matrix.org/v1.19/rooms/v2/#algorithm, and version 2.1,
 * https://spec.matrix.org/v1.19/rooms/v12/#algorithm
 */
export function resolveV2(conflicts: Conflicts, reader: EventReader): Map<StateMapKey, RoomEvent> {
  const startsEmpty = reader.rules.stateResolution === 'v2.1';
  const fullConflictedSet = readFullConflictedSet(conflicts, reader);

  // 1. Select the set X of all power events that appear in the full conflicted set. For each such power event P, enlarge X by
  // adding the events in the auth chain of P which also belong to the full conflicted set. Sort X into a list using the reverse
  // topological power ordering.
  const powerEvents = selectPowerEvents(fullConflictedSet);
  const sortedPowerEvents = reverseTopologicalPowerOrdering(powerEvents.values(), reader);

  // 2. Apply the iterative auth checks algorithm, starting from the unconflicted state map [v2.1: an empty state map], to the list
  // of events from the previous step to get a partially resolved state.
  const resolved = new Map<StateMapKey, RoomEvent>();
  const beneath = startsEmpty ? () => undefined : conflicts.unconflicted;
  iterativeAuthChecks(resolved, beneath, sortedPowerEvents, reader);

  // 3. Take all remaining events that weren't picked in step 1 and order them by the mainline ordering based on the power level in
  // the partially resolved state obtained in step 2.
  const remaining = [...fullConflictedSet.values()].filter((event) => !powerEvents.has(event.eventId));
  const powerLevelsKey = stateMapKey('m.room.power_levels', '');
  const agreedPowerLevels = beneath(powerLevelsKey);
  const powerLevels =
    resolved.get(powerLevelsKey) ?? (agreedPowerLevels === undefined ? undefined : reader.event(agreedPowerLevels));
  const sortedRemaining = mainlineOrdering(remaining, powerLevels, reader);

  // 4. Apply the iterative auth checks algorithm on the partial resolved state and the list of events from the previous step.
  iterativeAuthChecks(resolved, beneath, sortedRemaining, reader);

  // 5. Update the result by replacing any event with the event with the same key from the unconflicted state map, if such an event
  // exists, to get the final resolved state.
  for (const key of resolved.keys()) if (conflicts.unconflicted(key) !== undefined) resolved.delete(key);
  return resolved;
}

/** The full conflicted set: the conflicted state set, the auth difference, and in v2.1 the conflicted state subgraph. */
function readFullConflictedSet(conflicts: Conflicts, reader: EventReader): Map<EventId, RoomEvent> {
  const events = new Map<EventId, RoomEvent>();
  const add = (eventId: EventId) => {
    const event = events.has(eventId) ? undefined : reader.event(eventId);
    // Only state events have a place in state; others could get here only through a forged auth chain.
    if (event?.stateKey !== undefined) events.set(eventId, event);
  };
  for (const eventIds of conflicts.conflicted.values()) eventIds.forEach(add);
  conflicts.authDifference.forEach(add);
  if (reader.rules.stateResolution === 'v2.1') conflicts.conflictedSubgraph.forEach(add);
  return events;
}

/**
 * The power events of the set and what they rest on within it. The walk does not leave the set: what lies behind an event outside
 * of it is not looked for, so that the work depends on the conflict, not on the age of the room. Other servers do the same.
 */
function selectPowerEvents(fullConflictedSet: ReadonlyMap<EventId, RoomEvent>): Map<EventId, RoomEvent> {
  const selected = new Map<EventId, RoomEvent>();
  const waiting = [...fullConflictedSet.values()].filter(isPowerEvent);
  for (let event = waiting.pop(); event; event = waiting.pop()) {
    if (selected.has(event.eventId)) continue;
    selected.set(event.eventId, event);
    for (const authEventId of event.authEvents) {
      const authEvent = fullConflictedSet.get(authEventId);
      if (authEvent) waiting.push(authEvent);
    }
  }
  return selected;
}

/**
 * Whether an event might remove someone's ability to do something in the room: power levels, join rules, kicks and bans.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 *
 * Levels and join rules count under the empty state key only, under others they have no force. The spec's words do not say so, but
 * servers agree on it, and what counts is that all of them order events in the same way.
 */
export function isPowerEvent(event: RoomEvent): boolean {
  if (event.stateKey === undefined) return false;
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return event.stateKey === '';
  const membership = event.type === 'm.room.member' ? event.content['membership'] : undefined;
  return (membership === 'leave' || membership === 'ban') && event.sender !== event.stateKey;
}
