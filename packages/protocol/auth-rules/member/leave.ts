import type { MemberCase } from '../auth-case.ts';
import { membershipOf } from '../state-lookup.ts';
import { allow, reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';

/** If `membership` is `leave`: leaving, kicking, unbanning, taking back an invitation; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseLeave({ event, rules, state, levels, target }: MemberCase): Verdict {
  const targetsMembership = membershipOf(target, state);

  // If the sender matches state_key, allow if and only if that user's current membership state is invite [v1–v6: or] join[v7+:, or
  // knock].
  if (event.sender === target) {
    const mayLeave =
      targetsMembership === 'invite' || targetsMembership === 'join' || (rules.knocking && targetsMembership === 'knock');
    return mayLeave ? allow : reject(`${target} is not in the room`);
  }

  // If the sender's current membership state is not join, reject.
  if (membershipOf(event.sender, state) !== 'join') return reject(`${event.sender} is not in the room`);

  // If the target user's current membership state is ban, and the sender's power level is less than the ban level, reject.
  const sendersLevel = levels.of(event.sender);
  if (targetsMembership === 'ban' && sendersLevel < levels.ban) {
    return reject(`unbanning needs power level ${levels.ban}, ${event.sender} has ${sendersLevel}`);
  }

  // If the sender's power level is greater than or equal to the kick level, and the target user's power level is less than the
  // sender's power level, allow.
  if (sendersLevel < levels.kick) return reject(`kicking needs power level ${levels.kick}, ${event.sender} has ${sendersLevel}`);
  if (levels.of(target) < sendersLevel) return allow;

  // Otherwise, reject.
  return reject(`${target} does not stand below ${event.sender}`);
}
