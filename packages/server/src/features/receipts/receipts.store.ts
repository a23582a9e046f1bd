import type { EventId, UserId } from '@myelin/protocol/identifiers';

import { inList, sql, sqlPart, type Db, type Interner, type Tx } from '../../platform/database/index.ts';
import type { Receipt, ReceiptType } from './receipt.ts';

interface Row {
  room_nid: number;
  user_nid: number;
  kind: number;
  thread: string;
  event_id: string;
  event_place: number | null;
  ts: number;
  position: number;
}

const columns = sqlPart('room_nid, user_nid, kind, thread, event_id, event_place, ts, position');
const publicKind = kindOf('m.read');
const privateKind = kindOf('m.read.private');

/** What a user's receipts in a room say, private ones too: for unread counts and for what may follow. */
export async function receiptsOfUser(db: Db, names: Interner, roomNid: number, userNid: number): Promise<Receipt[]> {
  return revive(
    names,
    await db.all<Row>(sql`SELECT ${columns} FROM receipts WHERE room_nid = ${roomNid} AND user_nid = ${userNid}`),
  );
}

/** Where a user's receipt of one kind and thread stands in the events stream; undefined where there is no such receipt. */
export async function receiptPlace(
  db: Db,
  key: Pick<Receipt, 'roomNid' | 'userNid' | 'type' | 'threadId'>,
): Promise<{ eventId: EventId; eventPlace: number | undefined } | undefined> {
  const row = await db.get<{ event_id: string; event_place: number | null }>(
    sql`SELECT event_id, event_place FROM receipts WHERE room_nid = ${key.roomNid} AND user_nid = ${key.userNid}
        AND kind = ${kindOf(key.type)} AND thread = ${key.threadId ?? ''}`,
  );
  return row && { eventId: row.event_id as EventId, eventPlace: row.event_place ?? undefined };
}

/** All public receipts of some rooms, oldest first. */
export async function publicReceipts(db: Db, names: Interner, roomNids: readonly number[]): Promise<Receipt[]> {
  return revive(
    names,
    await db.all<Row>(
      sql`SELECT ${columns} FROM receipts WHERE room_nid ${inList(roomNids)} AND kind = ${publicKind} ORDER BY room_nid, position`,
    ),
  );
}

/** Public receipts of some rooms that were given after `since` and not after `upTo`, oldest first. */
export async function publicReceiptsBetween(
  db: Db,
  names: Interner,
  roomNids: readonly number[],
  since: number,
  upTo: number,
): Promise<Receipt[]> {
  return revive(
    names,
    await db.all<Row>(
      sql`SELECT ${columns} FROM receipts WHERE room_nid ${inList(roomNids)} AND position > ${since} AND position <= ${upTo}
          AND kind = ${publicKind} ORDER BY room_nid, position`,
    ),
  );
}

/** A user's private receipts that were given after `since` and not after `upTo`, in whatever room. */
export async function privateReceiptsBetween(
  db: Db,
  names: Interner,
  userNid: number,
  since: number,
  upTo: number,
): Promise<Receipt[]> {
  return revive(
    names,
    await db.all<Row>(
      // The 1 stands as it is, so that the partial index serves.
      sql`SELECT ${columns} FROM receipts WHERE user_nid = ${userNid} AND kind = 1 AND position > ${since} AND position <= ${upTo}
          ORDER BY position`,
    ),
  );
}

/** Where the stream stands; 0 while there are no receipts. */
export async function lastPosition(db: Db): Promise<number> {
  const row = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM receipts`);
  return row?.last ?? 0;
}

/** Puts a receipt in the place of the one before it. */
export function putReceipt(tx: Tx, receipt: Receipt): void {
  tx.run(sql`INSERT INTO receipts (room_nid, user_nid, kind, thread, event_id, event_place, ts, position)
    VALUES (${receipt.roomNid}, ${receipt.userNid}, ${kindOf(receipt.type)}, ${receipt.threadId ?? ''}, ${receipt.eventId},
            ${receipt.eventPlace ?? null}, ${receipt.ts}, ${receipt.position})
    ON CONFLICT (room_nid, user_nid, kind, thread) DO UPDATE SET event_id = excluded.event_id,
      event_place = excluded.event_place, ts = excluded.ts, position = excluded.position`);
}

function kindOf(type: ReceiptType): number {
  return type === 'm.read' ? 0 : 1;
}

async function revive(names: Interner, rows: readonly Row[]): Promise<Receipt[]> {
  const users = await names.textsOf(new Set(rows.map((row) => row.user_nid)));
  return rows.map((row) => ({
    roomNid: row.room_nid,
    userNid: row.user_nid,
    userId: users.get(row.user_nid) as UserId,
    type: row.kind === privateKind ? 'm.read.private' : 'm.read',
    threadId: row.thread === '' ? undefined : row.thread,
    eventId: row.event_id as EventId,
    eventPlace: row.event_place ?? undefined,
    ts: row.ts,
    position: row.position,
  }));
}
