import type { MemberCase } from '../auth-case.ts';
import { membershipOf } from '../state-lookup.ts';
import { allow, reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';

/** If `membership` is `ban`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseBan({ event, state, levels, target }: MemberCase): Verdict {
  // If the sender's current membership state is not join, reject.
  if (membershipOf(event.sender, state) !== 'join') return reject(`${event.sender} is not in the room`);

  // If the sender's power level is greater than or equal to the ban level, and the target user's power level is less than the
  // sender's power level, allow.
  const sendersLevel = levels.of(event.sender);
  if (sendersLevel < levels.ban) return reject(`banning needs power level ${levels.ban}, ${event.sender} has ${sendersLevel}`);
  if (levels.of(target) < sendersLevel) return allow;

  // Otherwise, reject.
  return reject(`${target} does not stand below ${event.sender}`);
}
