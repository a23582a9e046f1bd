import { notFound } from '@myelin/protocol/errors';

import type { Database } from '../../platform/database/index.ts';
import type { RoomIdentity, Rooms, StoredEvent, Viewer } from '../../rooms/index.ts';
import { followsGap, type RemoteHistory } from './remote-history.ts';
import { readableRoom } from './room-access.ts';
import { eventsByTime, ownMembershipEvents } from './room-history.store.ts';

const batchSize = 100;
/** How many events that the viewer may not see are passed over, nearest first. */
const maxScanned = 1_000;

export interface EventByTimeTools {
  readonly database: Database;
  readonly rooms: Rooms;
  readonly remoteHistory: RemoteHistory;
}

interface Wanted {
  readonly ts: number;
  readonly direction: 'b' | 'f';
}

/**
 * The event nearest to a moment in one direction, by the time that its sender's server gave it, among those that the viewer may see.
 * Other servers are asked where events may be missing here just at that moment. Throws M_FORBIDDEN for those who may not read the room;
 * M_NOT_FOUND where there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
export async function timestampToEvent(
  tools: EventByTimeTools,
  viewer: Viewer,
  wanted: Wanted & { readonly roomId: string },
): Promise<StoredEvent> {
  const { room, access } = await readableRoom(tools.rooms, viewer, wanted.roomId);
  const upTo = access.until?.position ?? Number.MAX_SAFE_INTEGER;
  const ours = await nearestHere(tools, viewer, room, wanted, upTo);
  const nearest = nearer(wanted, ours, await nearestElsewhere(tools, viewer, room, wanted, ours));
  if (nearest) return nearest;
  throw notFound(`There is no event ${wanted.direction === 'b' ? 'before' : 'after'} ${wanted.ts} that you may see`);
}

async function nearestHere(
  tools: EventByTimeTools,
  viewer: Viewer,
  room: RoomIdentity,
  { ts, direction }: Wanted,
  upTo: number,
): Promise<StoredEvent | undefined> {
  const { database, rooms } = tools;
  let scanned = 0;
  let from = { ts, nid: direction === 'b' ? Number.MAX_SAFE_INTEGER : -1 };
  for (;;) {
    const rows = await eventsByTime(database, room.nid, { from, upTo, direction, limit: batchSize });
    const nids = rows.map((row) => row.event_nid);
    const nearest = await firstVisible(tools, viewer, room, await rooms.events.listByNids(nids));
    if (nearest) return nearest;
    const last = rows.at(-1);
    scanned += rows.length;
    if (!last || rows.length < batchSize) return undefined;
    if (scanned >= maxScanned) {
      // A long stretch that the viewer may not see most often ends, or begins, where they came or went.
      const own = await ownMembershipEvents(database, { userNid: viewer.userNid, roomNid: room.nid, ts, direction });
      return firstVisible(tools, viewer, room, await rooms.events.listByNids(own));
    }
    from = { ts: last.origin_server_ts, nid: last.event_nid };
  }
}

/** Others are asked only where something is missing around that moment: before the first event after it. */
async function nearestElsewhere(
  tools: EventByTimeTools,
  viewer: Viewer,
  room: RoomIdentity,
  wanted: Wanted,
  ours: StoredEvent | undefined,
): Promise<StoredEvent | undefined> {
  const { database, remoteHistory, rooms } = tools;
  const range = { from: { ts: wanted.ts, nid: -1 }, upTo: Number.MAX_SAFE_INTEGER, direction: 'f' as const, limit: 1 };
  const [next] = await eventsByTime(database, room.nid, range);
  const after = next && (await rooms.events.byNid(next.event_nid));
  if (after ? !(await followsGap(rooms, room, after)) : ours !== undefined) return undefined;
  const found = await remoteHistory.eventNear(room, wanted);
  return found && firstVisible(tools, viewer, room, [found]);
}

function nearer(
  { ts, direction }: Wanted,
  ours: StoredEvent | undefined,
  theirs: StoredEvent | undefined,
): StoredEvent | undefined {
  const distance = (event: StoredEvent): number => (direction === 'b' ? ts - event.originServerTs : event.originServerTs - ts);
  if (!theirs || distance(theirs) < 0) return ours;
  return ours && distance(ours) <= distance(theirs) ? ours : theirs;
}

async function firstVisible(
  { rooms }: EventByTimeTools,
  viewer: Viewer,
  room: RoomIdentity,
  events: readonly StoredEvent[],
): Promise<StoredEvent | undefined> {
  const [first] = await rooms.visibility.visibleTo(viewer, room.nid, events);
  return first?.event;
}
