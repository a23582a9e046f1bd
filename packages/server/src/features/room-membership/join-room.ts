import { notFound } from '@myelin/protocol/errors';
import { isRoomAlias, isRoomId, type RoomAlias, type RoomId, type ServerName } from '@myelin/protocol/identifiers';

import { knownRoom } from './leave-room.ts';
import type { Actor, MembershipTools } from './membership-tools.ts';
import { enterThroughOthers } from './remote-membership.ts';
import { setMembership } from './set-membership.ts';

/** Somebody wants to get into a room, or asks to be let in. */
export interface Entry {
  readonly by: Actor;
  readonly room: RoomId | RoomAlias;
  /** Servers that may know the room. */
  readonly via?: readonly ServerName[];
  readonly reason?: string;
}

/**
 * Joins a room by its id or alias; nothing happens to those who are in it already.
 * https://spec.matrix.org/v1.19/client-server-api/#joining-rooms
 */
export async function joinRoom(tools: MembershipTools, entry: Entry): Promise<RoomId> {
  return enterRoom(tools, entry, 'join');
}

/** Asks a room's members to be invited; https://spec.matrix.org/v1.19/client-server-api/#knocking-on-rooms */
export async function knockOnRoom(tools: MembershipTools, entry: Entry): Promise<RoomId> {
  return enterRoom(tools, entry, 'knock');
}

async function enterRoom(tools: MembershipTools, entry: Entry, action: 'join' | 'knock'): Promise<RoomId> {
  const { rooms } = tools;
  const { by } = entry;
  const { roomId, servers } = await findRoom(tools, entry);
  const wanted = entry.reason === undefined ? {} : { reason: entry.reason };
  let room = await rooms.ids.find(roomId);
  if (!room) {
    if (await enterThroughOthers(tools, { action, by, roomId, wanted, via: servers })) return roomId;
    room = await knownRoom(tools, roomId);
  }
  const userNid = await tools.names.idOf(by.userId);
  if (action === 'join' && (await rooms.memberships.isJoined(userNid, room.nid))) return roomId;
  await setMembership(tools, { action, by, target: by.userId, room, wanted, via: servers });
  return roomId;
}

async function findRoom(tools: MembershipTools, { room, via = [] }: Entry): Promise<{ roomId: RoomId; servers: ServerName[] }> {
  if (isRoomId(room)) return { roomId: room, servers: [...via] };
  const found = isRoomAlias(room) ? await tools.aliases.resolve(room) : undefined;
  if (!found) throw notFound(`${room} was not found`);
  return { roomId: found.roomId, servers: [...new Set([...via, ...found.servers])] };
}
