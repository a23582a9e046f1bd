import { notFound } from '@myelin/protocol/errors';

import type { Database } from '../../platform/database/index.ts';
import type { Rooms, StoredEvent, Viewer } from '../../rooms/index.ts';
import { readableRoom } from './room-access.ts';
import { eventsByTime, ownMembershipEvents } from './room-history.store.ts';

const batchSize = 100;
/** How many events that the viewer may not see are passed over, nearest first. */
const maxScanned = 1_000;

/**
 * The event nearest to a moment in one direction, by the time that its sender's server gave it, among those that the viewer may see.
 * Throws M_FORBIDDEN for those who may not read the room; M_NOT_FOUND where there is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
export async function timestampToEvent(
  tools: { readonly database: Database; readonly rooms: Rooms },
  viewer: Viewer,
  wanted: { readonly roomId: string; readonly ts: number; readonly direction: 'b' | 'f' },
): Promise<StoredEvent> {
  const { database, rooms } = tools;
  const { room, access } = await readableRoom(rooms, viewer, wanted.roomId);
  const upTo = access.until?.position ?? Number.MAX_SAFE_INTEGER;
  const firstVisible = async (nids: readonly number[]): Promise<StoredEvent | undefined> => {
    const [first] = await rooms.visibility.visibleTo(viewer, room.nid, await rooms.events.listByNids(nids));
    return first?.event;
  };
  let scanned = 0;
  let from = { ts: wanted.ts, nid: wanted.direction === 'b' ? Number.MAX_SAFE_INTEGER : -1 };
  for (;;) {
    const rows = await eventsByTime(database, room.nid, { from, upTo, direction: wanted.direction, limit: batchSize });
    const nearest = await firstVisible(rows.map((row) => row.event_nid));
    if (nearest) return nearest;
    const last = rows.at(-1);
    scanned += rows.length;
    if (!last || rows.length < batchSize) break;
    if (scanned >= maxScanned) {
      // A long stretch that the viewer may not see most often ends, or begins, where they came or went.
      const own = await firstVisible(
        await ownMembershipEvents(database, { userNid: viewer.userNid, roomNid: room.nid, ...wanted }),
      );
      if (own) return own;
      break;
    }
    from = { ts: last.origin_server_ts, nid: last.event_nid };
  }
  throw notFound(`There is no event ${wanted.direction === 'b' ? 'before' : 'after'} ${wanted.ts} that you may see`);
}
