import { forbidden, inviteBlocked } from '@myelin/protocol/errors';
import { textField } from '@myelin/protocol/events';
import { domainOf, type RoomId, type UserId } from '@myelin/protocol/identifiers';

import { limit, type Actor, type MembershipTools } from './membership-tools.ts';

/** Which account data says that a user takes no invites; https://spec.matrix.org/v1.19/client-server-api/#invite-permission */
const permissionType = 'm.invite_permission_config';

/**
 * Whether somebody may invite these users at all, whatever the room's rules say: the server may leave inviting to its admins, users
 * may take no invites, and nobody may invite without end. Throws M_FORBIDDEN, M_INVITE_BLOCKED, M_LIMIT_EXCEEDED.
 */
export async function checkInvites(
  tools: MembershipTools,
  invite: { readonly by: Actor; readonly targets: readonly UserId[]; readonly roomId?: RoomId },
): Promise<void> {
  const { by, targets, roomId } = invite;
  if (targets.length === 0) return;
  if (tools.config.block_non_admin_invites && !by.isAdmin) throw forbidden('Invites have been disabled on this server');
  for (const target of targets) {
    if (domainOf(target) === tools.serverName && (await blocksInvites(tools, target))) throw inviteBlocked();
  }
  limit(tools, 'rc_invites.per_issuer', by, by.userId, targets.length);
  if (roomId !== undefined) limit(tools, 'rc_invites.per_room', by, roomId, targets.length);
  for (const target of targets) limit(tools, 'rc_invites.per_user', by, target);
}

/** Whether a user of ours takes no invites. */
export async function blocksInvites(
  tools: Pick<MembershipTools, 'invitePermissions' | 'names'>,
  target: UserId,
): Promise<boolean> {
  const permissions = await tools.invitePermissions.readContent(await tools.names.idOf(target), permissionType);
  return permissions !== undefined && textField(permissions, 'default_action') === 'block';
}
