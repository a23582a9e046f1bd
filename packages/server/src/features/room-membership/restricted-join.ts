import { forbidden, MatrixError } from '@myelin/protocol/errors';
import { readJoinRules } from '@myelin/protocol/events';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Interner } from '../../platform/database/index.ts';
import { localMemberWithPower, type Membership, type RoomIdentity, type Rooms } from '../../rooms/index.ts';
import { isServerIn } from './membership-tools.ts';

interface RestrictedJoinTools {
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly serverName: ServerName;
}

/**
 * Who of this server lets a user into a room whose members come from other rooms; undefined where nobody needs to. Throws M_FORBIDDEN
 * when the user is in none of those rooms, M_UNABLE_TO_AUTHORISE_JOIN when this server does not know them, M_UNABLE_TO_GRANT_JOIN when
 * nobody here may invite.
 * https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms and
 * https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms
 */
export async function authoriserOfJoin(
  tools: RestrictedJoinTools,
  room: RoomIdentity,
  user: UserId,
  current: Membership | undefined,
): Promise<UserId | undefined> {
  if (current === 'join' || current === 'invite') return undefined;
  const { rooms } = tools;
  const root = await rooms.states.currentRoot(room.nid);
  const joinRules = await rooms.states.event(room.nid, root, 'm.room.join_rules', '');
  const { rule, allow } = readJoinRules(joinRules?.content);
  const isRestricted =
    (rule === 'restricted' && room.rules.restrictedJoins) || (rule === 'knock_restricted' && room.rules.knockRestrictedJoins);
  if (!isRestricted) return undefined;
  await checkIsInOneOf(tools, allow, user);
  const authoriser = await localMemberWithPower(tools, room, ({ invite }) => invite);
  if (!authoriser) throw new MatrixError('M_UNABLE_TO_GRANT_JOIN', 'Nobody of this server may invite others to this room');
  return authoriser;
}

async function checkIsInOneOf({ rooms, names }: RestrictedJoinTools, allow: readonly string[], user: UserId): Promise<void> {
  const userNid = await names.idOf(user);
  let unknown = 0;
  for (const roomId of allow) {
    const allowed = await rooms.ids.find(roomId);
    // Of a room that nobody here is in, what is known may be long out of date.
    if (!allowed || !(await isServerIn(rooms, allowed))) unknown++;
    else if (await rooms.memberships.isJoined(userNid, allowed.nid)) return;
    // Somebody of another server may be in it without our knowing yet.
    else if (rooms.partial.of(allowed.nid)) unknown++;
  }
  if (unknown > 0 && unknown === allow.length) {
    throw new MatrixError('M_UNABLE_TO_AUTHORISE_JOIN', 'This server is in none of the rooms whose members may join this room');
  }
  throw forbidden('You belong to none of the rooms whose members may join this room');
}
