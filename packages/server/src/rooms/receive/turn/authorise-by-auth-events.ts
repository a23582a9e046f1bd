import { authorise, checkAuthEvents, lookupAmong, reject, type Verdict } from '@myelin/protocol/auth-rules';
import { createEventIdOf, type RoomEvent } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../events/stored-event.ts';
import { authFacts } from '../../forks/auth-facts.ts';
import type { RoomIdentity } from '../../room-ids.ts';

/** The events that an event is authorised by: those that it names and, where the room id names it, the create event. */
export function authEventIdsOf({ rules, roomId }: Pick<RoomIdentity, 'rules' | 'roomId'>, event: RoomEvent): EventId[] {
  const isCreate = event.type === 'm.room.create' && event.stateKey === '';
  return rules.roomIdIsCreateEventHash && !isCreate ? [...event.authEvents, createEventIdOf(roomId)] : [...event.authEvents];
}

/**
 * Check 4: "Passes authorisation rules based on the event's auth events, otherwise it is rejected."
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 * @param authEventOf gives every event of `authEventIdsOf`
 */
export function authoriseByAuthEvents(
  { rules, roomId }: Pick<RoomIdentity, 'rules' | 'roomId'>,
  event: RoomEvent,
  authEventOf: (eventId: EventId) => StoredEvent | undefined,
): Verdict {
  const named: StoredEvent[] = [];
  for (const eventId of event.authEvents) {
    const authEvent = authEventOf(eventId);
    if (!authEvent) return reject(`the auth event ${eventId} cannot be had`);
    named.push(authEvent);
  }
  const rejected = new Set(named.filter(({ verdict }) => verdict === 'rejected').map(({ eventId }) => eventId));
  const chosen = checkAuthEvents(
    event,
    named.map((authEvent) => ({ ...asStateEvent(authEvent), prevEvents: [], authEvents: [], redacts: undefined })),
    rules,
    ({ eventId }) => rejected.has(eventId),
  );
  if (!chosen.allowed) return chosen;
  const events = [...named];
  if (rules.roomIdIsCreateEventHash && event.type !== 'm.room.create') {
    const create = authEventOf(createEventIdOf(roomId));
    if (!create || create.verdict === 'rejected' || create.roomId !== roomId)
      return reject('the room has no m.room.create event');
    events.push(create);
  }
  return authorise(event, rules, lookupAmong(events), authFacts);
}

function asStateEvent({ eventId, roomId, type, sender, stateKey, content, originServerTs, depth }: StoredEvent) {
  return { eventId, roomId, type, sender, stateKey, content, originServerTs, depth };
}
