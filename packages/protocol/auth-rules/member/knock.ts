import type { MemberCase } from '../auth-case.ts';
import { joinRuleIn, membershipOf } from '../state-lookup.ts';
import { allow, reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';

/** If `membership` is `knock`, from version 7; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseKnock({ event, rules, state, target }: MemberCase): Verdict {
  // If the join_rule is anything other than knock [v10+: or knock_restricted], reject.
  const joinRule = joinRuleIn(state);
  if (joinRule !== 'knock' && !(rules.knockRestrictedJoins && joinRule === 'knock_restricted')) {
    return reject(`nobody can knock under the join rule ${JSON.stringify(joinRule ?? null)} in room version ${rules.id}`);
  }

  // If sender does not match state_key, reject.
  if (event.sender !== target) return reject(`${event.sender} cannot knock for ${target}`);

  // If the sender's current membership is not ban, invite, or join, allow.
  const membership = membershipOf(target, state);
  if (membership !== 'ban' && membership !== 'invite' && membership !== 'join') return allow;

  // Otherwise, reject.
  return reject(`${target} cannot knock with the membership ${membership}`);
}
