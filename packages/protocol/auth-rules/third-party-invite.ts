import type { AuthCase } from './auth-case.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** The rule for `m.room.third_party_invite`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseThirdPartyInvite({ event, levels }: AuthCase): Verdict {
  // Allow if and only if sender's current power level is greater than or equal to the invite level.
  const sendersLevel = levels.of(event.sender);
  if (sendersLevel >= levels.invite) return allow;
  return reject(`inviting needs power level ${levels.invite}, ${event.sender} has ${sendersLevel}`);
}
