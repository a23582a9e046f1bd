import type { EventId } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { Room } from '../room.ts';
import { encodeEventId } from './event-codec.ts';

/** Keeps a redaction whose event is not here: it is applied when that comes. https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions */
export function awaitRedacted(tx: Tx, room: Room, redactionNid: number, redacts: EventId): void {
  tx.run(sql`INSERT INTO redactions (redaction_nid, room_nid, redacts) VALUES (${redactionNid}, ${room.nid}, ${encodeEventId(redacts)})
    ON CONFLICT (redaction_nid) DO NOTHING`);
}

/** The redactions that waited for an event, oldest first. Those that wait for their own commit are known to the room. */
export async function redactionsOf(db: Db, room: Room, redacts: EventId): Promise<number[]> {
  const rows = await db.all<{ redaction_nid: number }>(
    sql`SELECT redaction_nid FROM redactions WHERE redacts = ${encodeEventId(redacts)} AND room_nid = ${room.nid} ORDER BY redaction_nid`,
  );
  return [...new Set([...rows.map((row) => row.redaction_nid), ...room.recent.redactionsOf(redacts)])];
}
