import { readEncryptionAlgorithm, readJoinRules } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import { memberCounts, usersOfServer, type Membership, type RoomIdentity, type Rooms } from '../../rooms/index.ts';
import { describeByEvents, describingState, isEnterable, publicRoomOf, type PublicRoom } from './describe-room.ts';
import { joinedMembersOfPublished } from './published-rooms.store.ts';

/** A room as somebody outside may see it; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias */
export interface RoomSummary extends PublicRoom {
  allowed_room_ids?: RoomId[];
  encryption?: string;
  room_version?: string;
  membership?: Membership;
}

export interface LocalSummaryNeeds {
  readonly database: Database;
  readonly rooms: Pick<Rooms, 'ids' | 'memberships' | 'states'>;
}

/** Who may enter a room, as far as a summary tells: also one that another server has written. */
export type RoomAccessRules = Pick<RoomSummary, 'allowed_room_ids' | 'world_readable'> & { readonly join_rule?: string };

/** Who asks; undefined for somebody without an account here. */
export type SummaryViewer = { readonly userId: UserId; readonly userNid: number } | undefined;

/** Whether what this server knows of a room is of today: once nobody of ours is in it, it is of the past. */
export async function isRoomHere({ rooms }: LocalSummaryNeeds, room: RoomIdentity): Promise<boolean> {
  return (await rooms.memberships.localMembers(room.nid)).size > 0;
}

/** Summarises a room by its current state, for whoever may see it. */
export async function summariseLocalRoom({ database, rooms }: LocalSummaryNeeds, room: RoomIdentity): Promise<RoomSummary> {
  const root = await rooms.states.currentRoot(room.nid);
  const [joinRulesEvent, encryptionEvent, ...described] = await rooms.states.events(room.nid, root, [
    ['m.room.join_rules', ''],
    ['m.room.encryption', ''],
    ...describingState,
  ]);
  const joinRules = readJoinRules(joinRulesEvent?.content);
  const allowed = isRestricted(joinRules.rule) ? joinRules.allow : [];
  // Counting goes through all members; of a room that many look at, the directory knows the number.
  const joined =
    (await joinedMembersOfPublished(database, room.nid)) ?? (await memberCounts(database, room.nid)).get('join') ?? 0;
  const encryption = encryptionEvent && readEncryptionAlgorithm(encryptionEvent.content);
  return {
    ...publicRoomOf(room.roomId, joined, describeByEvents(described)),
    room_version: room.rules.id,
    ...(allowed.length > 0 && { allowed_room_ids: [...allowed] }),
    ...(encryption !== undefined && { encryption }),
  };
}

/** Those may see a room who could enter it: anybody, members, the invited, and members of a room whose members may join. */
export async function mayPersonSee(
  { rooms }: Pick<LocalSummaryNeeds, 'rooms'>,
  viewer: SummaryViewer,
  roomId: RoomId,
  access: RoomAccessRules,
): Promise<boolean> {
  if (isOpen(access)) return true;
  if (!viewer) return false;
  const room = await rooms.ids.find(roomId);
  const own = room && (await rooms.memberships.of(viewer.userNid, room.nid));
  if (own?.membership === 'join' || own?.membership === 'invite') return true;
  if (own?.membership === 'ban' || !isRestricted(access.join_rule)) return false;
  const { joined } = await rooms.memberships.userRooms(viewer.userNid);
  for (const allowed of access.allowed_room_ids ?? []) {
    const other = await rooms.ids.find(allowed);
    if (other && joined.has(other.nid)) return true;
  }
  return false;
}

/** The same for a server: what one of its users could enter, it may see. */
export async function mayServerSee(
  { database, names, rooms }: LocalSummaryNeeds & { readonly names: Interner },
  server: ServerName,
  room: RoomIdentity,
  access: RoomAccessRules,
): Promise<boolean> {
  if (isOpen(access)) return true;
  const serverNid = await names.knownIdOf(server);
  if (serverNid === undefined) return false;
  if ((await usersOfServer(database, room.nid, serverNid, ['join', 'invite'])).length > 0) return true;
  if (!isRestricted(access.join_rule)) return false;
  for (const allowed of access.allowed_room_ids ?? []) {
    const other = await rooms.ids.find(allowed);
    if (other && (await usersOfServer(database, other.nid, serverNid, ['join'])).length > 0) return true;
  }
  return false;
}

function isOpen({ join_rule: joinRule = 'public', world_readable: worldReadable }: RoomAccessRules): boolean {
  return isEnterable({ joinRule, worldReadable });
}

function isRestricted(joinRule: string | undefined): boolean {
  return joinRule === 'restricted' || joinRule === 'knock_restricted';
}
