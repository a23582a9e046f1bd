import type { Json, JsonObject } from '../../events/pdu.ts';
import type { MemberCase } from '../auth-case.ts';
import { isObject, property, stringProperty } from '../content.ts';
import { membershipOf } from '../state-lookup.ts';
import { allow, reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';

/** If `membership` is `invite`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseInvite(member: MemberCase): Verdict {
  const { event, state, levels, target } = member;
  // If content has a third_party_invite property: …
  const thirdParty = property(event.content, 'third_party_invite');
  if (thirdParty !== undefined) return authoriseThirdParty(member, thirdParty);

  // If the sender's current membership state is not join, reject.
  if (membershipOf(event.sender, state) !== 'join') return reject(`${event.sender} is not in the room`);

  // If target user's current membership state is join or ban, reject.
  const membership = membershipOf(target, state);
  if (membership === 'join') return reject(`${target} is in the room already`);
  if (membership === 'ban') return reject(`${target} is banned`);

  // If the sender's power level is greater than or equal to the invite level, allow.
  const sendersLevel = levels.of(event.sender);
  if (sendersLevel >= levels.invite) return allow;

  // Otherwise, reject.
  return reject(`inviting needs power level ${levels.invite}, ${event.sender} has ${sendersLevel}`);
}

/** An invitation to an email address or the like, taken up by a user who proved to an identity server that it is theirs. */
function authoriseThirdParty({ event, state, facts, target }: MemberCase, thirdParty: Json): Verdict {
  // If target user is banned, reject.
  if (membershipOf(target, state) === 'ban') return reject(`${target} is banned`);

  // If content.third_party_invite does not have a signed property, reject.
  const signed = isObject(thirdParty) ? property(thirdParty, 'signed') : undefined;
  if (!isObject(signed)) return reject('third_party_invite has no signed object');

  // If signed does not have mxid and token properties, reject.
  const mxid = stringProperty(signed, 'mxid');
  const token = stringProperty(signed, 'token');
  if (mxid === undefined || token === undefined) return reject('third_party_invite.signed lacks mxid or token');

  // If mxid does not match state_key, reject.
  if (mxid !== target) return reject(`the third-party invitation is for ${mxid}, not for ${target}`);

  // If there is no m.room.third_party_invite event in the current room state with state_key matching token, reject.
  const invitation = state('m.room.third_party_invite', token);
  if (!invitation) return reject('the room has no third-party invitation with this token');

  // If sender does not match sender of the m.room.third_party_invite, reject.
  if (event.sender !== invitation.sender)
    return reject(`the third-party invitation is ${invitation.sender}'s, not ${event.sender}'s`);

  // If any signature in signed matches any public key in the m.room.third_party_invite event, allow.
  if (facts.verifyThirdPartySigned?.(signed, publicKeysOf(invitation.content))) return allow;

  // Otherwise, reject.
  return reject('no key of the third-party invitation has signed it');
}

/** The public keys are in content of m.room.third_party_invite as: */
function publicKeysOf(content: JsonObject): string[] {
  const keys: string[] = [];
  // A single public key in the public_key property.
  const single = stringProperty(content, 'public_key');
  if (single !== undefined) keys.push(single);
  // A list of public keys in the public_keys property.
  const list = property(content, 'public_keys');
  for (const entry of Array.isArray(list) ? list : []) {
    const key = isObject(entry) ? stringProperty(entry, 'public_key') : undefined;
    if (key !== undefined) keys.push(key);
  }
  return keys;
}
