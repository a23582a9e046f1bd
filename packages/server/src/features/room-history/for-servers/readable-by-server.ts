import { forbidden, notFound } from '@myelin/protocol/errors';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import { mayServerRead, type RoomIdentity, type Rooms, type ServerVisibility, type StoredEvent } from '../../../rooms/index.ts';

/** What serving a room's past to other servers needs. */
export interface ServerHistoryTools {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly rooms: Rooms;
  readonly serverVisibility: ServerVisibility;
  readonly serverName: ServerName;
}

/**
 * A room that a server may read. Throws M_FORBIDDEN where none of its users is in it, where the room's ACL shuts it out, and where there
 * is no such room: who is not in a room need not know.
 */
export async function readableByServer(tools: ServerHistoryTools, roomId: string, server: ServerName): Promise<RoomIdentity> {
  const room = await tools.rooms.ids.find(roomId);
  if (!room || !(await mayServerRead(tools, room, server))) throw forbidden(`${server} is not in this room`);
  return room;
}

/** An event of the room that was not rejected. Throws M_NOT_FOUND. */
export async function eventOfRoom(tools: ServerHistoryTools, room: RoomIdentity, eventId: EventId): Promise<StoredEvent> {
  const event = await tools.rooms.events.byId(eventId);
  if (event?.roomNid !== room.nid || event.verdict === 'rejected') throw notFound(`Event ${eventId} not found in this room`);
  return event;
}

/** Whether an event has its place in the room's graph here: neither refused nor known only as somebody's state or authorisation. */
export function isInGraph(event: StoredEvent): boolean {
  return event.verdict !== 'rejected' && event.position !== undefined;
}
