import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';
import type { StoredEvent } from '../../events/stored-event.ts';

/**
 * Those of some events that reached us without their room, as an invitation does to a room in which this server is not. They were stored
 * before their auth events were known, whose numbers must be smaller: once those are known, such an event gets another number.
 */
export async function outOfBandAmong(db: Db, events: readonly StoredEvent[]): Promise<ReadonlySet<number>> {
  const candidates = events.filter((event) => event.position === undefined && event.type === 'm.room.member');
  return outOfBandNids(
    db,
    candidates.map(({ nid }) => nid),
  );
}

/** The same by numbers alone. */
export async function outOfBandNids(db: Db, nids: readonly number[]): Promise<ReadonlySet<number>> {
  if (nids.length === 0) return new Set();
  const rows = await db.all<{ event_nid: number }>(sql`SELECT event_nid FROM out_of_band_events WHERE event_nid ${inList(nids)}`);
  return new Set(rows.map((row) => row.event_nid));
}

/** Notes that an event has come without its room. */
export function noteOutOfBand(tx: Tx, nid: number): void {
  tx.run(sql`INSERT INTO out_of_band_events (event_nid) VALUES (${nid})`);
}

/** The event's room is known now. */
export function forgetOutOfBand(tx: Tx, nid: number): void {
  tx.run(sql`DELETE FROM out_of_band_events WHERE event_nid = ${nid}`);
}
