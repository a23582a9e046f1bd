import { notFound } from '@myelin/protocol/errors';
import { isRoomAlias, type RoomAlias, type RoomId, type ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../rooms/index.ts';
import { aliasNotFound, type Aliases } from './aliases.ts';
import {
  isRoomHere,
  mayPersonSee,
  summariseLocalRoom,
  type LocalSummaryNeeds,
  type RoomSummary,
  type SummaryViewer,
} from './local-summary.ts';
import type { RemoteDirectory } from './remote-directory.ts';

export interface RoomSummaryNeeds extends LocalSummaryNeeds {
  readonly aliases: Aliases;
  readonly remote: RemoteDirectory;
}

/**
 * Summarises a room by its id or alias. Throws M_NOT_FOUND where there is none, or none that the viewer may know of.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 */
export async function summariseRoom(
  needs: RoomSummaryNeeds,
  viewer: SummaryViewer,
  asked: { readonly room: RoomId | RoomAlias; readonly via: readonly ServerName[] },
): Promise<RoomSummary> {
  const { rooms } = needs;
  const { roomId, via } = await roomBehind(needs, asked);
  const room = await rooms.ids.find(roomId);
  const summary =
    room && (await isRoomHere(needs, room))
      ? await visibleSummary(needs, viewer, room)
      : await remoteSummary(needs, viewer, roomId, via);
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

async function remoteSummary(
  needs: RoomSummaryNeeds,
  viewer: SummaryViewer,
  roomId: RoomId,
  via: readonly ServerName[],
): Promise<RoomSummary | undefined> {
  // The other server has looked at whether anybody of ours could enter, not at who asks.
  const summary = await needs.remote.summary(roomId, via);
  return summary && (await mayPersonSee(needs, viewer, roomId, summary)) ? summary : undefined;
}

async function visibleSummary(
  needs: RoomSummaryNeeds,
  viewer: SummaryViewer,
  room: RoomIdentity,
): Promise<RoomSummary | undefined> {
  const summary = await summariseLocalRoom(needs, room);
  return (await mayPersonSee(needs, viewer, room.roomId, summary)) ? summary : undefined;
}
