import type { RoomEvent } from '../events/pdu.ts';
import { domainOf, isUserId } from '../identifiers/index.ts';
import { roomVersionRules } from '../room-versions/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { property } from './content.ts';
import type { AuthFacts } from './state-lookup.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** The rule for `m.room.create`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseCreate(event: RoomEvent, rules: RoomVersionRules, facts: AuthFacts): Verdict {
  // If it has any prev_events, reject.
  if (event.prevEvents.length > 0) return reject('m.room.create must be the first event of its room');

  if (rules.roomIdIsCreateEventHash) {
    // [v12] If the event has a room_id, reject. Note: The room ID is the event ID of the event with sigil ! instead of $.
    if (facts.createCarriesRoomId) return reject('m.room.create has a room_id');
    if (event.roomId.slice(1) !== event.eventId.slice(1)) return reject('the room id is not the id of m.room.create');
  } else if (domainOf(event.roomId) !== domainOf(event.sender)) {
    // If the domain of the room_id does not match the domain of the sender, reject.
    return reject(`the room id ${event.roomId} is not of the server of ${event.sender}`);
  }

  // If content.room_version is present and is not a recognised version, reject.
  const version = property(event.content, 'room_version');
  if (version !== undefined && (typeof version !== 'string' || roomVersionRules(version) === undefined)) {
    return reject(`room version ${JSON.stringify(version)} is not known`);
  }

  // [v1–v10] If content has no creator property, reject.
  if (!rules.creatorIsCreateSender && !Object.hasOwn(event.content, 'creator')) return reject('m.room.create has no creator');

  // [v12] If additional_creators is present in content and is not an array of strings where each string passes the same user ID
  // validation applied to sender, reject.
  const additional = property(event.content, 'additional_creators');
  if (rules.privilegedCreators && additional !== undefined) {
    if (!Array.isArray(additional)) return reject('additional_creators is not an array');
    const stranger = additional.find((creator) => typeof creator !== 'string' || !isUserId(creator));
    if (stranger !== undefined) return reject(`additional_creators has ${JSON.stringify(stranger)}, which is not a user id`);
  }

  // Otherwise, allow.
  return allow;
}
