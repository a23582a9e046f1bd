import { parseExactJson } from '@myelin/protocol/canonical-json';
import type { EventId } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** An event whose signatures could be neither proven nor refuted. */
export interface UnprovenPdu {
  readonly roomNid: number;
  readonly eventId: EventId;
  readonly originNid: number;
  /** Whose keys it waits for: the server of its sender. */
  readonly server: string;
  /** As it came. */
  readonly pdu: unknown;
  /** How often its keys were asked for in vain. */
  readonly attempts: number;
  readonly receivedTs: number;
}

interface Row {
  room_nid: number;
  event_id: string;
  origin_nid: number;
  server: string;
  pdu: string;
  attempts: number;
  received_ts: number;
}

/** Stores events until `retryTs`; one that waits already goes on waiting. */
export function putUnproven(tx: Tx, pdus: readonly UnprovenPdu[], retryTs: number): void {
  tx.insertMany(
    'unproven_pdus',
    ['room_nid', 'event_id', 'origin_nid', 'server', 'pdu', 'attempts', 'received_ts', 'retry_ts'],
    pdus.map(({ roomNid, eventId, originNid, server, pdu, attempts, receivedTs }) => [
      roomNid,
      eventId,
      originNid,
      server,
      JSON.stringify(pdu),
      attempts,
      receivedTs,
      retryTs,
    ]),
    '(room_nid, event_id) DO NOTHING',
  );
}

/** Events that are to be tried by now, those first that wait longest for it. */
export async function dueUnproven(db: Db, now: number, limit: number): Promise<UnprovenPdu[]> {
  const rows = await db.all<Row>(
    sql`SELECT room_nid, event_id, origin_nid, server, pdu, attempts, received_ts FROM unproven_pdus WHERE retry_ts <= ${now}
        ORDER BY retry_ts LIMIT ${limit}`,
  );
  return rows.map((row) => ({
    roomNid: row.room_nid,
    eventId: row.event_id as EventId,
    originNid: row.origin_nid,
    server: row.server,
    // Rooms of the oldest versions hash numbers as they were spelt.
    pdu: parseExactJson(row.pdu),
    attempts: row.attempts,
    receivedTs: row.received_ts,
  }));
}

export interface Summary {
  /** When the next is to be tried, in milliseconds since 1970; `Infinity` where none waits. */
  readonly nextTs: number;
  /** How many wait of each server that has sent them. */
  readonly waitingOf: Map<number, number>;
  /** The servers whose keys are waited for. */
  readonly servers: Set<string>;
}

/** What waits. */
export async function unprovenSummary(db: Db): Promise<Summary> {
  const next = await db.get<{ ts: number | null }>(sql`SELECT MIN(retry_ts) AS ts FROM unproven_pdus`);
  const origins = await db.all<{ origin_nid: number; events: number }>(
    sql`SELECT origin_nid, COUNT(*) AS events FROM unproven_pdus GROUP BY origin_nid`,
  );
  const servers = await db.all<{ server: string }>(sql`SELECT DISTINCT server FROM unproven_pdus`);
  return {
    nextTs: next?.ts ?? Infinity,
    waitingOf: new Map(origins.map((row) => [row.origin_nid, row.events])),
    servers: new Set(servers.map(({ server }) => server)),
  };
}

/** Notes one more attempt in vain, and when the next is to be. */
export function postpone(tx: Tx, { roomNid, eventId, attempts }: UnprovenPdu, retryTs: number): void {
  tx.run(sql`UPDATE unproven_pdus SET attempts = ${attempts + 1}, retry_ts = ${retryTs}
    WHERE room_nid = ${roomNid} AND event_id = ${eventId}`);
}

/** Has all that wait for a server's keys tried at `now`. */
export function bringForward(tx: Tx, server: string, now: number): void {
  tx.run(sql`UPDATE unproven_pdus SET retry_ts = ${now} WHERE server = ${server} AND retry_ts > ${now}`);
}

/** Takes an event out, whatever became of it. */
export function takeUnproven(tx: Tx, { roomNid, eventId }: UnprovenPdu): void {
  tx.run(sql`DELETE FROM unproven_pdus WHERE room_nid = ${roomNid} AND event_id = ${eventId}`);
}
