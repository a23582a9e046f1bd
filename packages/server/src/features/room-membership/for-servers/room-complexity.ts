import { forbidden } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import { mayServerRead, type RoomIdentity, type Rooms } from '../../../rooms/index.ts';
import { residentRoom, type ServerMembershipTools } from './server-tools.ts';

/** So many state events have the complexity 1. */
const stateEventsOfOne = 500;

/**
 * How much of a burden a room is, by the size of its state: what servers compare with their `limit_remote_rooms.complexity`. Not part of
 * the specification; Synapse has the same.
 */
export async function roomComplexity({ rooms }: { readonly rooms: Rooms }, room: RoomIdentity): Promise<number> {
  const entries = await rooms.states.tree.entries(room.nid, await rooms.states.currentRoot(room.nid));
  return Math.round((entries.length / stateEventsOfOne) * 100) / 100;
}

/** The same for a server that asks: one that is in the room, or whose user may be invited to it. */
export async function complexityForServer(tools: ServerMembershipTools, roomId: RoomId, origin: ServerName): Promise<number> {
  const room = await residentRoom(tools, roomId, origin);
  const rule = await tools.rooms.states.current(room.nid, 'm.room.join_rules', '');
  const isPublic = rule?.content['join_rule'] === 'public';
  if (!isPublic && !(await mayServerRead(tools, room, origin))) throw forbidden('You are not in this room');
  return roomComplexity(tools, room);
}
