import { hash } from 'node:crypto';

import { authorise } from '../auth-rules/index.ts';
import type { StateLookup } from '../auth-rules/index.ts';
import type { RoomEvent } from '../events/pdu.ts';
import type { Conflicts } from './conflicts.ts';
import type { EventReader } from './event-reader.ts';
import { splitStateMapKey, stateMapKey } from './state-map.ts';
import type { StateMapKey } from './state-map.ts';

/** Types whose conflicts are settled first, in this order, because the authorisation of all others rests on them. */
const authorisingTypes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];

/**
 * Version 1 of the algorithm; https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 *
 * Conflicts of one pass (members, say) are judged by the state before that pass, each key for itself, so that the order of the
 * keys, of which the spec says nothing, cannot matter.
 */
export function resolveV1({ unconflicted, conflicted }: Conflicts, reader: EventReader): Map<StateMapKey, RoomEvent> {
  const resolved = new Map<StateMapKey, RoomEvent>();
  const state: StateLookup = (type, stateKey) => {
    const key = stateMapKey(type, stateKey);
    const agreed = unconflicted(key);
    return resolved.get(key) ?? (agreed === undefined ? undefined : reader.event(agreed));
  };

  const rest = new Map<StateMapKey, RoomEvent[]>();
  const passes = new Map(authorisingTypes.map((type) => [type, new Map<StateMapKey, RoomEvent[]>()]));
  for (const [key, eventIds] of conflicted) {
    const events = sortForV1(Array.from(eventIds, (eventId) => reader.event(eventId)));
    (passes.get(splitStateMapKey(key)[0]) ?? rest).set(key, events);
  }

  for (const pass of passes.values()) {
    const settled = Array.from(pass, ([key, events]) => [key, settleAuthorising(key, events, state, reader)] as const);
    for (const [key, event] of settled) if (event) resolved.set(key, event);
  }
  // No other events affect the authorisation rules, so for all other conflicts, just pick the event with the highest depth and
  // lowest sha1(event_id) that passes authentication in R and add it to R.
  //
  // Where none passes, the spec leaves the key without an event. Servers keep the first, the one of the least depth, and what counts
  // here is that all of them do the same.
  const { rules, facts } = reader;
  const settled = Array.from(rest, ([key, events]) => {
    return [key, events.findLast((event) => authorise(event, rules, state, facts.auth).allowed) ?? events[0]] as const;
  });
  for (const [key, event] of settled) if (event) resolved.set(key, event);
  return resolved;
}

function settleAuthorising(
  key: StateMapKey,
  events: readonly RoomEvent[],
  state: StateLookup,
  reader: EventReader,
): RoomEvent | undefined {
  // Add the first event in the list to R.
  let [settled] = events;
  // For each subsequent event in the list, check that the event would be allowed by the authorisation rules for a room in state R.
  // If the event would be allowed, then update R with the event and continue with the next event in the list. If it would not be
  // allowed, stop.
  const withSettled: StateLookup = (type, stateKey) => (stateMapKey(type, stateKey) === key ? settled : state(type, stateKey));
  for (const event of events.slice(1)) {
    if (!authorise(event, reader.rules, withSettled, reader.facts.auth).allowed) break;
    settled = event;
  }
  return settled;
}

/** Sort the list by ascending depth then descending sha1(event_id). */
function sortForV1(events: readonly (RoomEvent | undefined)[]): RoomEvent[] {
  return events
    .filter((event) => event !== undefined)
    .map((event) => ({ event, sha1: hash('sha1', event.eventId) }))
    .sort((x, y) => x.event.depth - y.event.depth || (x.sha1 < y.sha1 ? 1 : -1))
    .map(({ event }) => event);
}
