import type { JsonObject, RoomEvent } from '../events/pdu.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { isObject, property, stringProperty } from './content.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** What the choice of auth events is made by. */
export interface Authorisable {
  readonly type: string;
  readonly sender: string;
  readonly stateKey: string | undefined;
  readonly content: JsonObject;
}

/**
 * The (type, state key) pairs of the state that an event names in its `auth_events`, as far as the state has them, each once.
 * https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
 */
export function selectAuthEvents(event: Authorisable, rules: RoomVersionRules): [type: string, stateKey: string][] {
  // The auth_events for the m.room.create event in a room is empty; for other events, it should be the following subset of the
  // room state:
  if (event.type === 'm.room.create') return [];
  const selected: [string, string][] = [];

  // Depending on the room version, the m.room.create event.
  if (!rules.roomIdIsCreateEventHash) selected.push(['m.room.create', '']);
  // The current m.room.power_levels event, if any.
  selected.push(['m.room.power_levels', '']);
  // The sender's current m.room.member event, if any.
  const members = new Set<string>([event.sender]);

  // If type is m.room.member:
  if (event.type === 'm.room.member') {
    const membership = stringProperty(event.content, 'membership');
    // The target's current m.room.member event, if any.
    if (event.stateKey !== undefined) members.add(event.stateKey);
    // If membership is join, invite or knock, the current m.room.join_rules event, if any.
    if (membership === 'join' || membership === 'invite' || membership === 'knock') selected.push(['m.room.join_rules', '']);
    // If membership is invite and content contains a third_party_invite property, the current m.room.third_party_invite event
    // with state_key matching content.third_party_invite.signed.token, if any.
    if (membership === 'invite') {
      const token = thirdPartyToken(event.content);
      if (token !== undefined) selected.push(['m.room.third_party_invite', token]);
    }
    // If membership is join, content.join_authorised_via_users_server is present, and the room version supports restricted rooms,
    // then the m.room.member event with state_key matching content.join_authorised_via_users_server.
    const authoriser = stringProperty(event.content, 'join_authorised_via_users_server');
    if (membership === 'join' && rules.restrictedJoins && authoriser !== undefined) members.add(authoriser);
  }

  for (const member of members) selected.push(['m.room.member', member]);
  return selected;
}

/**
 * Whether an event's `auth_events` are well chosen: the rule "Considering the event's auth_events" of every room version.
 * @param authEvents the events that `auth_events` names, all of them
 * @param isRejected whether an event was rejected when it was received
 */
export function checkAuthEvents(
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  rules: RoomVersionRules,
  isRejected: (event: RoomEvent) => boolean,
): Verdict {
  // The rules for m.room.create end before they come to auth_events.
  if (event.type === 'm.room.create') return allow;
  const expected = new Set(selectAuthEvents(event, rules).map(([type, stateKey]) => JSON.stringify([type, stateKey])));
  const seen = new Set<string>();
  for (const authEvent of authEvents) {
    const key = JSON.stringify([authEvent.type, authEvent.stateKey]);
    // If there are duplicate entries for a given type and state_key pair, reject.
    if (seen.has(key)) return reject(`auth_events has two events for ${key}`);
    seen.add(key);
    // If there are entries whose type and state_key don't match those specified by the auth events selection algorithm described
    // in the server specification, reject.
    if (!expected.has(key)) return reject(`auth_events has ${authEvent.eventId} for ${key}, which does not authorise this event`);
    // If there are entries which were themselves rejected under the checks performed on receipt of a PDU, reject.
    if (isRejected(authEvent)) return reject(`auth_events has ${authEvent.eventId}, which was rejected`);
    // If any event in auth_events has a room_id which does not match that of the event being authorised, reject.
    if (authEvent.roomId !== event.roomId) return reject(`auth_events has ${authEvent.eventId} of another room`);
  }
  // [v1–v11] If there is no m.room.create event among the entries, reject.
  if (!rules.roomIdIsCreateEventHash && !seen.has(JSON.stringify(['m.room.create', '']))) {
    return reject('auth_events has no m.room.create event');
  }
  return allow;
}

function thirdPartyToken(content: JsonObject): string | undefined {
  const invite = property(content, 'third_party_invite');
  const signed = isObject(invite) ? property(invite, 'signed') : undefined;
  return isObject(signed) ? stringProperty(signed, 'token') : undefined;
}
