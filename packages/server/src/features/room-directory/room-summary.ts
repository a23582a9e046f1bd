import { notFound } from '@myelin/protocol/errors';
import { readEncryptionAlgorithm, readJoinRules } from '@myelin/protocol/events';
import { isRoomAlias, type RoomAlias, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Database } from '../../platform/database/index.ts';
import { memberCounts, type Membership, type RoomIdentity, type Rooms } from '../../rooms/index.ts';
import { aliasNotFound, type Aliases } from './aliases.ts';
import {
  describeByEvents,
  describingState,
  isEnterable,
  publicRoomOf,
  type PublicRoom,
  type RoomDescription,
} from './describe-room.ts';
import { joinedMembersOfPublished } from './published-rooms.store.ts';
import type { RemoteDirectory } from './remote-directory.ts';

/** A room as somebody outside may see it; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias */
export interface RoomSummary extends PublicRoom {
  allowed_room_ids?: RoomId[];
  encryption?: string;
  room_version?: string;
  membership?: Membership;
}

export interface RoomSummaryNeeds {
  readonly database: Database;
  readonly rooms: Pick<Rooms, 'ids' | 'memberships' | 'states'>;
  readonly aliases: Aliases;
  readonly remote: RemoteDirectory;
}

/** Who asks; undefined for somebody without an account here. */
export type SummaryViewer = { readonly userId: UserId; readonly userNid: number } | undefined;

/**
 * Summarises a room by its id or alias. Throws M_NOT_FOUND where there is none, or none that the viewer may know of.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 */
export async function summariseRoom(
  needs: RoomSummaryNeeds,
  viewer: SummaryViewer,
  asked: { readonly room: RoomId | RoomAlias; readonly via: readonly ServerName[] },
): Promise<RoomSummary> {
  const { rooms, remote } = needs;
  const { roomId, via } = await roomBehind(needs, asked);
  const room = await rooms.ids.find(roomId);
  // Once nobody of ours is in it, what we know of a room is of the past.
  const isHere = room !== undefined && (await rooms.memberships.localMembers(room.nid)).size > 0;
  const summary = isHere ? await localSummary(needs, viewer, room) : await remote.summary(roomId, via);
  if (!summary) throw notFound('Room not found');
  if (!viewer) return summary;
  const own = room && (await rooms.memberships.of(viewer.userNid, room.nid));
  return { ...summary, membership: own?.membership ?? 'leave' };
}

async function roomBehind(
  needs: RoomSummaryNeeds,
  { room, via }: { readonly room: RoomId | RoomAlias; readonly via: readonly ServerName[] },
): Promise<{ roomId: RoomId; via: readonly ServerName[] }> {
  if (!isAlias(room)) return { roomId: room, via };
  const target = isRoomAlias(room) ? await needs.aliases.resolve(room) : undefined;
  if (!target) throw aliasNotFound(room);
  return { roomId: target.roomId, via: [...via, ...target.servers] };
}

function isAlias(room: RoomId | RoomAlias): room is RoomAlias {
  return room.startsWith('#');
}

async function localSummary(
  needs: RoomSummaryNeeds,
  viewer: SummaryViewer,
  room: RoomIdentity,
): Promise<RoomSummary | undefined> {
  const { database, rooms } = needs;
  const root = await rooms.states.currentRoot(room.nid);
  const [joinRulesEvent, encryptionEvent, ...described] = await rooms.states.events(room.nid, root, [
    ['m.room.join_rules', ''],
    ['m.room.encryption', ''],
    ...describingState,
  ]);
  const description = describeByEvents(described);
  const joinRules = readJoinRules(joinRulesEvent?.content);
  const isRestricted = joinRules.rule === 'restricted' || joinRules.rule === 'knock_restricted';
  const allowed = isRestricted ? joinRules.allow : [];
  if (!(await maySee(needs, viewer, room, description, allowed))) return undefined;
  // Counting goes through all members; of a room that many look at, the directory knows the number.
  const joined =
    (await joinedMembersOfPublished(database, room.nid)) ?? (await memberCounts(database, room.nid)).get('join') ?? 0;
  const encryption = encryptionEvent && readEncryptionAlgorithm(encryptionEvent.content);
  return {
    ...publicRoomOf(room.roomId, joined, description),
    room_version: room.rules.id,
    ...(allowed.length > 0 && { allowed_room_ids: [...allowed] }),
    ...(encryption !== undefined && { encryption }),
  };
}

/** Those may see a summary who could enter the room: anybody, members, the invited, and members of a room whose members may join. */
async function maySee(
  { rooms }: RoomSummaryNeeds,
  viewer: SummaryViewer,
  room: RoomIdentity,
  { joinRule, worldReadable }: RoomDescription,
  allowed: readonly RoomId[],
): Promise<boolean> {
  if (isEnterable({ joinRule, worldReadable })) return true;
  if (!viewer) return false;
  const own = await rooms.memberships.of(viewer.userNid, room.nid);
  if (own?.membership === 'join' || own?.membership === 'invite') return true;
  if (own?.membership === 'ban') return false;
  const joinedRooms = allowed.length > 0 ? (await rooms.memberships.userRooms(viewer.userNid)).joined : undefined;
  for (const roomId of allowed) {
    const other = await rooms.ids.find(roomId);
    if (other && joinedRooms?.has(other.nid)) return true;
  }
  return false;
}
