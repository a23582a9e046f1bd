import { parseExactJson } from '@myelin/protocol/canonical-json';
import type { Pdu } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { CheckedPdu } from '../../rooms/index.ts';

/** An event that waits for its room to take it in. */
export interface InboxEntry extends CheckedPdu {
  /** Grows in the order in which events came in. */
  readonly id: number;
  readonly originNid: number;
  /** How often it was tried in vain. */
  readonly attempts: number;
}

interface Row {
  id: number;
  origin_nid: number;
  event_id: string;
  pdu: string;
  attempts: number;
}

/** Stores entries of one room. An event that waits already stays where it is. */
export function putIntoInbox(tx: Tx, roomNid: number, entries: readonly InboxEntry[], receivedTs: number): void {
  tx.insertMany(
    'pdu_inbox',
    ['id', 'room_nid', 'origin_nid', 'event_id', 'pdu', 'attempts', 'received_ts'],
    entries.map(({ id, originNid, eventId, pdu, attempts }) => [
      id,
      roomNid,
      originNid,
      eventId,
      JSON.stringify(pdu),
      attempts,
      receivedTs,
    ]),
    '(room_nid, event_id) DO NOTHING',
  );
}

/** The oldest entries of a room. */
export async function oldestInInbox(db: Db, roomNid: number, limit: number): Promise<InboxEntry[]> {
  const rows = await db.all<Row>(
    sql`SELECT id, origin_nid, event_id, pdu, attempts FROM pdu_inbox WHERE room_nid = ${roomNid} ORDER BY id LIMIT ${limit}`,
  );
  return rows.map((row) => ({
    id: row.id,
    originNid: row.origin_nid,
    eventId: row.event_id as EventId,
    // Rooms of the oldest versions hash numbers as they were spelt.
    pdu: parseExactJson(row.pdu) as Pdu,
    attempts: row.attempts,
  }));
}

/** Takes entries out whose rooms have them now. */
export function takeFromInbox(tx: Tx, ids: readonly number[]): void {
  tx.run(sql`DELETE FROM pdu_inbox WHERE id ${inList(ids)}`);
}

/** Notes one more attempt in vain. */
export function putAttempts(tx: Tx, id: number, attempts: number): void {
  tx.run(sql`UPDATE pdu_inbox SET attempts = ${attempts} WHERE id = ${id}`);
}

/** Gives an entry up, and keeps why. */
export function abandon(tx: Tx, roomNid: number, entry: InboxEntry, reason: string, now: number): void {
  takeFromInbox(tx, [entry.id]);
  noteAbandoned(tx, roomNid, entry, reason, now);
}

/** Notes an event that is given up, and why. */
export function noteAbandoned(
  tx: Tx,
  roomNid: number,
  entry: Pick<InboxEntry, 'originNid' | 'eventId'>,
  reason: string,
  now: number,
): void {
  tx.run(sql`INSERT INTO abandoned_pdus (room_nid, origin_nid, event_id, reason, abandoned_ts)
    VALUES (${roomNid}, ${entry.originNid}, ${entry.eventId}, ${reason}, ${now})`);
}

/** The rooms for which events wait, and how many wait of each server; and the largest id in use. */
export async function inboxAtStart(db: Db): Promise<{ rooms: number[]; waitingOf: Map<number, number>; lastId: number }> {
  const rooms = await db.all<{ room_nid: number }>(sql`SELECT DISTINCT room_nid FROM pdu_inbox`);
  const origins = await db.all<{ origin_nid: number; events: number }>(
    sql`SELECT origin_nid, COUNT(*) AS events FROM pdu_inbox GROUP BY origin_nid`,
  );
  const last = await db.get<{ id: number | null }>(sql`SELECT MAX(id) AS id FROM pdu_inbox`);
  return {
    rooms: rooms.map((row) => row.room_nid),
    waitingOf: new Map(origins.map((row) => [row.origin_nid, row.events])),
    lastId: last?.id ?? 0,
  };
}

/** Forgets what was abandoned before a moment (milliseconds since 1970). */
export function forgetAbandoned(tx: Tx, before: number): void {
  tx.run(sql`DELETE FROM abandoned_pdus WHERE abandoned_ts < ${before}`);
}
