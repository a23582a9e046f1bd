import type { EventId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';
import { decodeEventId } from '../../events/event-codec.ts';
import type { RoomIdentity } from '../../room-ids.ts';

interface Outlier {
  readonly nid: number;
  readonly eventId: EventId;
}

const deletedAtOnce = 500;

/** Whether this server has ever been in the room: only then do events of it have their places here. */
export async function wasEverIn(db: Db, roomNid: number): Promise<boolean> {
  const row = await db.get(sql`SELECT event_nid FROM events WHERE room_nid = ${roomNid} AND position IS NOT NULL LIMIT 1`);
  return row !== undefined;
}

/** What was stored of a room in which this server has never been, but for what it was told of its own users. */
export async function outliersOf(db: Db, room: Pick<RoomIdentity, 'nid' | 'rules'>): Promise<Outlier[]> {
  const rows = await db.all<{ event_nid: number; event_id: Uint8Array }>(
    sql`SELECT event_nid, event_id FROM events WHERE room_nid = ${room.nid} AND position IS NULL
        AND event_nid NOT IN (SELECT event_nid FROM out_of_band_events)`,
  );
  return rows.map((row) => ({ nid: row.event_nid, eventId: decodeEventId(row.event_id, room.rules) }));
}

/** Takes outliers away. */
export function deleteOutliers(tx: Tx, outliers: readonly Outlier[]): void {
  for (let from = 0; from < outliers.length; from += deletedAtOnce) {
    const nids = inList(outliers.slice(from, from + deletedAtOnce).map(({ nid }) => nid));
    tx.run(sql`DELETE FROM events WHERE event_nid ${nids}`);
    tx.run(sql`DELETE FROM event_json WHERE event_nid ${nids}`);
    tx.run(sql`DELETE FROM event_verdicts WHERE event_nid ${nids}`);
    tx.run(sql`DELETE FROM auth_edges WHERE event_nid ${nids}`);
  }
}
