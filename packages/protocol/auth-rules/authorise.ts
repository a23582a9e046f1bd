import type { RoomEvent } from '../events/pdu.ts';
import { domainOf } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { authoriseAliases } from './aliases.ts';
import type { AuthCase } from './auth-case.ts';
import { property } from './content.ts';
import { authoriseCreate } from './create.ts';
import { powerLevelsIn } from './levels/effective-power-levels.ts';
import { authoriseMember } from './member/member.ts';
import { authorisePowerLevels } from './power-levels.ts';
import { authoriseRedaction } from './redaction.ts';
import { membershipOf } from './state-lookup.ts';
import type { AuthFacts, StateLookup } from './state-lookup.ts';
import { authoriseThirdPartyInvite } from './third-party-invite.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/**
 * May this event happen in a room with this state? The authorisation rules of the room versions, in their order, except the rule
 * about the choice of `auth_events`, which needs no state and is {@link checkAuthEvents}.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 *
 * @param state the state to judge by: the one before the event, the current one, or that of the event's own auth events. From
 *   version 12 it must know the create event although no event names it among its auth events.
 */
export function authorise(event: RoomEvent, rules: RoomVersionRules, state: StateLookup, facts: AuthFacts = {}): Verdict {
  // If type is m.room.create: …
  if (event.type === 'm.room.create') return authoriseCreate(event, rules, facts);

  const create = state('m.room.create', '');
  if (!create) return reject('the room has no m.room.create event');

  // [v12] If the event's room_id is not an event ID for an accepted (not rejected) m.room.create event, with the sigil ! instead
  // of $, reject.
  if (rules.roomIdIsCreateEventHash && event.roomId.slice(1) !== create.eventId.slice(1)) {
    return reject(`the room id ${event.roomId} does not name the create event ${create.eventId}`);
  }

  // If the content of the m.room.create event in the room state has the property m.federate set to false, and the sender domain
  // of the event does not match the sender domain of the create event, reject.
  if (property(create.content, 'm.federate') === false && domainOf(event.sender) !== domainOf(create.sender)) {
    return reject(`the room is open to users of ${domainOf(create.sender)} only`);
  }

  // [v1–v5] If type is m.room.aliases: …
  if (rules.aliasesEventsAreSpecial && event.type === 'm.room.aliases') return authoriseAliases(event);

  const levels = powerLevelsIn(state, rules);
  const auth: AuthCase = { event, rules, state, create, levels, facts };

  // If type is m.room.member: …
  if (event.type === 'm.room.member') return authoriseMember(auth);

  // If the sender's current membership state is not join, reject.
  if (membershipOf(event.sender, state) !== 'join') return reject(`${event.sender} is not in the room`);

  // If type is m.room.third_party_invite: …
  if (event.type === 'm.room.third_party_invite') return authoriseThirdPartyInvite(auth);

  // If the event type's required power level is greater than the sender's power level, reject.
  const required = levels.required(event.type, event.stateKey === undefined ? 'message' : 'state');
  const sendersLevel = levels.of(event.sender);
  if (required > sendersLevel) {
    return reject(`${event.type} needs power level ${required}, ${event.sender} has ${sendersLevel}`);
  }

  // If the event has a state_key that starts with an @ and does not match the sender, reject.
  if (event.stateKey?.startsWith('@') && event.stateKey !== event.sender) {
    return reject(`the state key ${event.stateKey} belongs to another user than ${event.sender}`);
  }

  // If type is m.room.power_levels: …
  if (event.type === 'm.room.power_levels') return authorisePowerLevels(auth);

  // [v1, v2] If type is m.room.redaction: …
  if (rules.redactionsAuthorisedByAuthRules && event.type === 'm.room.redaction') return authoriseRedaction(auth);

  // Otherwise, allow.
  return allow;
}
