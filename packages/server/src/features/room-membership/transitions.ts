import { badState, forbidden } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

import type { Membership } from '../../rooms/index.ts';

/** What somebody asks for. `kick` and `unban` lead to the membership `leave`. */
export type MembershipAction = Membership | 'kick' | 'unban';

/** The membership that an action leads to. */
export function membershipAfter(action: MembershipAction): Membership {
  return action === 'kick' || action === 'unban' ? 'leave' : action;
}

/**
 * Refuses what would be no more than a misunderstanding, though the authorisation rules may allow it: lifting a ban that is none,
 * kicking who is not there, inviting who is banned. Throws M_BAD_STATE or M_FORBIDDEN.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
 */
export function checkTransition(action: MembershipAction, from: Membership | undefined, target: UserId): void {
  if (action === 'unban' && from !== 'ban') throw badState(`${target} is not banned`);
  if (from === 'ban' && (action === 'join' || action === 'invite' || action === 'knock')) throw badState(`${target} is banned`);
  const isThere = from === 'join' || from === 'invite' || from === 'knock';
  if (action === 'kick' && !isThere) throw forbidden(`${target} is not in the room`);
}
