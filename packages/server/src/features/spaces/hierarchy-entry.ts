import type { RoomIdentity, Rooms } from '../../rooms/index.ts';
import { summariseLocalRoom, type LocalSummaryNeeds, type RoomSummary } from '../room-directory/index.ts';
import { orderedChildren, type ChildEvent } from './space-children.ts';

/** A room of a space tree, with the events that name its children. */
export interface HierarchyEntry extends RoomSummary {
  children_state: ChildEvent[];
}

export interface HierarchyTools extends LocalSummaryNeeds {
  readonly rooms: Rooms;
}

/** Whether a room is a space: others may name children, and have none. */
export function isSpace({ room_type: type }: RoomSummary): boolean {
  return type === 'm.space';
}

/** A room of ours as the tree shows it. */
export async function localEntry(tools: HierarchyTools, room: RoomIdentity, suggestedOnly: boolean): Promise<HierarchyEntry> {
  const summary = await summariseLocalRoom(tools, room);
  const { states } = tools.rooms;
  const events = isSpace(summary) ? await states.allOfType(room.nid, await states.currentRoot(room.nid), 'm.space.child') : [];
  const children = events.map(({ type, stateKey, sender, content, originServerTs }) => ({
    type,
    state_key: stateKey ?? '',
    sender,
    content,
    origin_server_ts: originServerTs,
  }));
  return { ...summary, children_state: orderedChildren(children, suggestedOnly) };
}
