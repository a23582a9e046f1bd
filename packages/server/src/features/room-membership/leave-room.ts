import { MatrixError, notFound, unknown } from '@myelin/protocol/errors';
import type { RoomId, UserId } from '@myelin/protocol/identifiers';

import { emptyState, forgetMembership, joinedServers, type RoomIdentity } from '../../rooms/index.ts';
import { isServerIn, type Actor, type MembershipTools } from './membership-tools.ts';
import { setMembership } from './set-membership.ts';

/**
 * Leaves a room, rejects an invite, takes back a knock. Throws M_NOT_FOUND for a room that nobody here knows, M_FORBIDDEN for one
 * that the user is not in.
 * https://spec.matrix.org/v1.19/client-server-api/#leaving-rooms
 */
export async function leaveRoom(
  tools: MembershipTools,
  { by, roomId, reason }: { readonly by: Actor; readonly roomId: RoomId; readonly reason?: string },
): Promise<void> {
  const wanted = reason === undefined ? {} : { reason };
  const room = await tools.rooms.ids.find(roomId);
  if (!room || (await isInOthersHands(tools, room, by))) {
    await tools.remote.leave({ user: by.userId, roomId, via: [], content: { ...wanted, membership: 'leave' } });
    return;
  }
  await setMembership(tools, { action: 'leave', by, target: by.userId, room, wanted });
}

/**
 * Whether a user only is invited to a room that others are in, or knocks there, so that its servers must be told. A room that nobody is
 * in any more has no one who could be asked.
 */
async function isInOthersHands(tools: MembershipTools, room: RoomIdentity, by: Actor): Promise<boolean> {
  if (await isServerIn(tools.rooms, room)) return false;
  const own = await tools.rooms.memberships.of(await tools.names.idOf(by.userId), room.nid);
  if (own !== undefined && own.membership !== 'invite' && own.membership !== 'knock') return false;
  if ((await tools.rooms.states.currentRoot(room.nid)) === emptyState) return true;
  return (await joinedServers(tools.database, room.nid)).length > 0;
}

/**
 * Forgets a room that the user is not in any more: its history is gone for them.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
 */
export async function forgetRoom(tools: MembershipTools, userId: UserId, roomId: RoomId): Promise<void> {
  const room = await tools.rooms.ids.find(roomId);
  const userNid = await tools.names.idOf(userId);
  const own = room && (await tools.rooms.memberships.of(userNid, room.nid));
  if (!own) return;
  if (own.membership !== 'leave' && own.membership !== 'ban') throw unknown(`${userId} is in room ${roomId}`, 400);
  await forgetMembership(tools.database, userNid, room.nid);
  tools.rooms.memberships.invalidateUser(userNid);
}

/**
 * Takes a user out of all rooms, invites and knocks included, as deactivating an account does. A room whose rules do not let the user
 * go is logged and left alone; any other failure is thrown when all rooms have had their try, so that the caller can try again.
 */
export async function leaveAllRooms(tools: MembershipTools, by: Actor): Promise<void> {
  const userNid = await tools.names.idOf(by.userId);
  const failures: unknown[] = [];
  // A copy: leaving changes what is gone through.
  const memberships = [...(await tools.rooms.memberships.roomsOf(userNid)).values()];
  for (const { roomNid, membership } of memberships) {
    if (membership === 'leave' || membership === 'ban') continue;
    const { roomId } = await tools.rooms.ids.byNid(roomNid);
    await leaveRoom(tools, { by, roomId }).catch((error: unknown) => {
      if (!(error instanceof MatrixError)) failures.push(error);
      tools.logger.warn({ err: error, roomId, userId: by.userId }, 'a room could not be left');
    });
  }
  if (failures.length > 0) throw new AggregateError(failures, `${by.userId} could not leave every room`);
}

/** A room that this server knows; throws M_NOT_FOUND. */
export async function knownRoom(tools: Pick<MembershipTools, 'rooms'>, roomId: RoomId) {
  const room = await tools.rooms.ids.find(roomId);
  if (!room) throw notFound(`Unknown room ${roomId}`);
  return room;
}
