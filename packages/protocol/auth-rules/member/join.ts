import type { MemberCase } from '../auth-case.ts';
import { property } from '../content.ts';
import { joinRuleIn, membershipOf } from '../state-lookup.ts';
import { allow, reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';

/** If `membership` is `join`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseJoin({ event, rules, state, create, levels, target }: MemberCase): Verdict {
  // If the only previous event is an m.room.create and the state_key is the creator [v11+: the sender of the m.room.create],
  // allow.
  const creator = rules.creatorIsCreateSender ? create.sender : property(create.content, 'creator');
  if (event.prevEvents.length === 1 && event.prevEvents[0] === create.eventId && target === creator) return allow;

  // If the sender does not match state_key, reject.
  if (event.sender !== target) return reject(`${event.sender} cannot join for ${target}`);

  // If the sender is banned, reject.
  const membership = membershipOf(target, state);
  if (membership === 'ban') return reject(`${target} is banned`);

  const joinRule = joinRuleIn(state);
  const invited = membership === 'invite' || membership === 'join';

  // If the join_rule is invite [v7+: or knock] then allow if membership state is invite or join.
  if (joinRule === 'invite' || (rules.knocking && joinRule === 'knock')) {
    return invited ? allow : reject(`${target} is not invited`);
  }

  // [v8+] If the join_rule is restricted [v10+: or knock_restricted]:
  const restricted =
    (rules.restrictedJoins && joinRule === 'restricted') || (rules.knockRestrictedJoins && joinRule === 'knock_restricted');
  if (restricted) {
    // If membership state is join or invite, allow.
    if (invited) return allow;
    // If the join_authorised_via_users_server key in content is not a user with sufficient permission to invite other users or is
    // not a joined member of the room, reject.
    const authoriser = property(event.content, 'join_authorised_via_users_server');
    if (typeof authoriser !== 'string') return reject(`${target} is neither invited nor authorised to join by a member`);
    if (levels.of(authoriser) < levels.invite) return reject(`${authoriser}, who authorises the join, may not invite`);
    if (membershipOf(authoriser, state) !== 'join') return reject(`${authoriser}, who authorises the join, is not in the room`);
    // Otherwise, allow.
    return allow;
  }

  // If the join_rule is public, allow.
  if (joinRule === 'public') return allow;

  // Otherwise, reject.
  return reject(`nobody can join under the join rule ${JSON.stringify(joinRule ?? null)} in room version ${rules.id}`);
}
