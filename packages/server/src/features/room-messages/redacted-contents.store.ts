import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** Notes that an event was redacted at a moment (milliseconds since 1970): its content goes some time later. */
export function noteRedacted(tx: Tx, eventNid: number, redactedTs: number): void {
  tx.run(sql`INSERT INTO redacted_contents (event_nid, redacted_ts) VALUES (${eventNid}, ${redactedTs})
    ON CONFLICT (event_nid) DO NOTHING`);
}

/** Events that were redacted up to a moment and still have their content, the longest redacted first. */
export async function redactedUpTo(db: Db, timestamp: number, limit: number): Promise<number[]> {
  const rows = await db.all<{ event_nid: number }>(
    sql`SELECT event_nid FROM redacted_contents WHERE redacted_ts <= ${timestamp} ORDER BY redacted_ts LIMIT ${limit}`,
  );
  return rows.map((row) => row.event_nid);
}

/** Notes that their content is gone. */
export function notePruned(tx: Tx, eventNids: readonly number[]): void {
  tx.run(sql`DELETE FROM redacted_contents WHERE event_nid ${inList(eventNids)}`);
}
