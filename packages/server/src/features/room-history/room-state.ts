import { notFound } from '@myelin/protocol/errors';

import type { RoomIdentity, Rooms, StateRoot, Viewer } from '../../rooms/index.ts';
import { notIn } from './room-access.ts';

type StateTools = Pick<Rooms, 'ids' | 'visibility' | 'states' | 'serving' | 'partial'>;

/**
 * The state of a room as events: now for those who are in it (or may look in), as it was for those who left. Throws M_FORBIDDEN.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
 */
export async function roomState(rooms: StateTools, viewer: Viewer, roomId: string): Promise<string[]> {
  const { room, root } = await wholeStateFor(rooms, viewer, roomId);
  const events = await rooms.states.all(room.nid, root);
  return rooms.serving.serve(
    viewer,
    events.map((event) => ({ event })),
    { withRoomId: true, bundle: false },
  );
}

/**
 * One piece of that state: its content, or the whole event. Throws M_FORBIDDEN; M_NOT_FOUND where there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
 */
export async function roomStateEvent(
  rooms: StateTools,
  viewer: Viewer,
  wanted: { readonly roomId: string; readonly type: string; readonly stateKey: string; readonly format: 'content' | 'event' },
): Promise<string> {
  const { room, root } = await stateFor(rooms, viewer, wanted.roomId);
  let event = await rooms.states.event(room.nid, root, wanted.type, wanted.stateKey);
  if (!event && wanted.type === 'm.room.member' && rooms.partial.of(room.nid)) {
    const whole = await wholeStateFor(rooms, viewer, wanted.roomId);
    event = await rooms.states.event(room.nid, whole.root, wanted.type, wanted.stateKey);
  }
  if (!event) throw notFound('There is no such state in this room');
  if (wanted.format === 'content') return event.contentJson;
  const [served] = await rooms.serving.serve(viewer, [{ event }], { withRoomId: true, bundle: false });
  return served as string;
}

/** The same once the room's members are known. */
async function wholeStateFor(rooms: StateTools, viewer: Viewer, roomId: string): ReturnType<typeof stateFor> {
  const found = await stateFor(rooms, viewer, roomId);
  if (!rooms.partial.of(found.room.nid)) return found;
  await rooms.partial.untilComplete(found.room.nid);
  return stateFor(rooms, viewer, roomId);
}

async function stateFor(rooms: StateTools, viewer: Viewer, roomId: string): Promise<{ room: RoomIdentity; root: StateRoot }> {
  const room = await rooms.ids.find(roomId);
  const root = room && (await rooms.visibility.stateRootFor(viewer, room.nid));
  if (!room || root === undefined) throw notIn();
  return { room, root };
}
