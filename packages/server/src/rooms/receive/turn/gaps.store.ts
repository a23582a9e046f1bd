import type { EventId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';
import { decodeEventId, encodeEventId } from '../../events/event-codec.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { Room } from '../../room.ts';

/** So many of the events that follow a gap are looked at: the first that came are the likeliest to follow nothing else. */
const mostChildren = 20;

/** The gaps of a room with no more are kept in memory while events come in. */
const mostInMemory = 1000;

/** An event that events with a place follow and that has no place itself. */
export interface Gap {
  readonly eventId: EventId;
  /** The greatest depth of an event that follows it. */
  readonly depth: number;
}

/** A room's gaps that lie deepest, newest first. */
export async function gapsOf(db: Db, room: Pick<RoomIdentity, 'nid' | 'rules'>, limit: number): Promise<Gap[]> {
  const rows = await db.all<{ event_id: Uint8Array; depth: number }>(
    sql`SELECT b.event_id, MAX(e.depth) AS depth FROM backward_extremities b JOIN events e ON e.event_nid = b.child_nid
        WHERE b.room_nid = ${room.nid} GROUP BY b.event_id ORDER BY MAX(e.depth) DESC LIMIT ${limit}`,
  );
  return rows.map((row) => ({ eventId: decodeEventId(row.event_id, room.rules), depth: row.depth }));
}

/** Those of the events that an event follows that have no place. */
export function gapsBehind(prevEventIds: readonly EventId[], near: ReadonlyMap<EventId, StoredEvent>): EventId[] {
  return [...new Set(prevEventIds)].filter((eventId) => near.get(eventId)?.position === undefined);
}

/** Whether an event with a place follows this one, which has none. To be called in the room's turn. */
export async function isGap(db: Db, room: Room, eventId: EventId): Promise<boolean> {
  if (room.recent.mayLearnFollowed) room.recent.learnFollowed(await allGaps(db, room));
  const isKnown = room.recent.isFollowed(eventId);
  if (isKnown !== undefined) return isKnown;
  const row = await db.get(
    sql`SELECT child_nid FROM backward_extremities WHERE room_nid = ${room.nid} AND event_id = ${encodeEventId(eventId)} LIMIT 1`,
  );
  return row !== undefined;
}

/** Undefined where they are very many. */
async function allGaps(db: Db, room: Room): Promise<EventId[] | undefined> {
  const rows = await db.all<{ event_id: Uint8Array }>(
    sql`SELECT DISTINCT event_id FROM backward_extremities WHERE room_nid = ${room.nid} LIMIT ${mostInMemory + 1}`,
  );
  return rows.length > mostInMemory ? undefined : rows.map((row) => decodeEventId(row.event_id, room.rules));
}

/** The events with a place that follow these, which have none; the first that came, as many as are worth a look. */
export async function childrenOfGaps(db: Db, roomNid: number, gaps: readonly EventId[]): Promise<number[]> {
  const rows = await db.all<{ child_nid: number }>(
    sql`SELECT DISTINCT child_nid FROM backward_extremities WHERE room_nid = ${roomNid} AND event_id ${inList(gaps.map(encodeEventId))}
        ORDER BY child_nid LIMIT ${mostChildren}`,
  );
  return rows.map((row) => row.child_nid);
}

/** An event has got its place: it is no gap any more, and what it follows without a place is one. */
export function writeGaps(tx: Tx, roomNid: number, placed: { nid: number; eventId: EventId }, gaps: readonly EventId[]): void {
  tx.run(sql`DELETE FROM backward_extremities WHERE room_nid = ${roomNid} AND event_id = ${encodeEventId(placed.eventId)}`);
  if (gaps.length === 0) return;
  tx.insertMany(
    'backward_extremities',
    ['room_nid', 'event_id', 'child_nid'],
    gaps.map((eventId) => [roomNid, encodeEventId(eventId), placed.nid]),
    '(room_nid, event_id, child_nid) DO NOTHING',
  );
}
