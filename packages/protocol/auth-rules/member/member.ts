import { domainOf, isUserId } from '../../identifiers/index.ts';
import type { AuthCase, MemberCase } from '../auth-case.ts';
import { property } from '../content.ts';
import { reject } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';
import { authoriseBan } from './ban.ts';
import { authoriseInvite } from './invite.ts';
import { authoriseJoin } from './join.ts';
import { authoriseKnock } from './knock.ts';
import { authoriseLeave } from './leave.ts';

/** The rule for `m.room.member`; https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export function authoriseMember(auth: AuthCase): Verdict {
  const { event, rules, facts } = auth;
  // If there is no state_key property, or no membership property in content, reject.
  if (event.stateKey === undefined) return reject('m.room.member has no state_key');
  const membership = property(event.content, 'membership');
  if (membership === undefined) return reject('m.room.member has no membership');

  // [v8+] If content has a join_authorised_via_users_server property: If the event is not validly signed by the homeserver of the
  // user ID denoted by the key, reject.
  const authoriser = property(event.content, 'join_authorised_via_users_server');
  if (rules.restrictedJoins && authoriser !== undefined) {
    if (typeof authoriser !== 'string' || !isUserId(authoriser)) {
      return reject('join_authorised_via_users_server is not a user id');
    }
    if (!facts.isSignedBy?.(event, domainOf(authoriser))) {
      return reject(`the server of ${authoriser}, who is said to authorise the join, has not signed it`);
    }
  }

  const member: MemberCase = { ...auth, target: event.stateKey };
  if (membership === 'join') return authoriseJoin(member);
  if (membership === 'invite') return authoriseInvite(member);
  if (membership === 'leave') return authoriseLeave(member);
  if (membership === 'ban') return authoriseBan(member);
  // [v7+]
  if (membership === 'knock' && rules.knocking) return authoriseKnock(member);
  // Otherwise, the membership is unknown. Reject.
  return reject(`membership ${JSON.stringify(membership)} is not known in room version ${rules.id}`);
}
