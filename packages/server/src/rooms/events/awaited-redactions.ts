import type { EventId } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { Room } from '../room.ts';
import { decodeEventId, encodeEventId } from './event-codec.ts';

/** Of a room with no more they are kept in memory while events come in. */
const mostInMemory = 1000;

/** Keeps a redaction whose event is not here: it is applied when that comes. https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions */
export function awaitRedacted(tx: Tx, room: Room, redactionNid: number, redacts: EventId): void {
  tx.run(sql`INSERT INTO redactions (redaction_nid, room_nid, redacts) VALUES (${redactionNid}, ${room.nid}, ${encodeEventId(redacts)})
    ON CONFLICT (redaction_nid) DO NOTHING`);
}

/** The redactions that waited for an event, oldest first. To be called in the room's turn. */
export async function redactionsOf(db: Db, room: Room, redacts: EventId): Promise<readonly number[]> {
  if (room.recent.mayLearnRedacted) room.recent.learnRedacted(await allAwaited(db, room));
  if (room.recent.knowsRedacted) return room.recent.redactionsOf(redacts);
  const rows = await db.all<{ redaction_nid: number }>(
    sql`SELECT redaction_nid FROM redactions WHERE redacts = ${encodeEventId(redacts)} AND room_nid = ${room.nid} ORDER BY redaction_nid`,
  );
  // Those that wait for their own commit are known to the room.
  return [...new Set([...rows.map((row) => row.redaction_nid), ...room.recent.redactionsOf(redacts)])];
}

/** Undefined where they are very many. */
async function allAwaited(db: Db, room: Room): Promise<{ redacts: EventId; redactionNid: number }[] | undefined> {
  const rows = await db.all<{ redaction_nid: number; redacts: Uint8Array }>(
    sql`SELECT redaction_nid, redacts FROM redactions WHERE room_nid = ${room.nid} ORDER BY redaction_nid LIMIT ${mostInMemory + 1}`,
  );
  if (rows.length > mostInMemory) return undefined;
  return rows.map((row) => ({ redacts: decodeEventId(row.redacts, room.rules), redactionNid: row.redaction_nid }));
}
