import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** Up to where every server has been told, or is written down as behind; undefined before the first start. */
export async function readPosition(db: Db): Promise<number | undefined> {
  const row = await db.get<{ position: number }>(sql`SELECT position FROM outbound_position WHERE id = 1`);
  return row?.position;
}

export function putPosition(tx: Tx, position: number): void {
  tx.run(sql`INSERT INTO outbound_position (id, position) VALUES (1, ${position})
    ON CONFLICT (id) DO UPDATE SET position = excluded.position`);
}

/** Servers that could not be reached, and up to where they know all. */
export async function readBehind(db: Db): Promise<{ destinationNid: number; position: number }[]> {
  const rows = await db.all<{ destination_nid: number; position: number }>(
    sql`SELECT destination_nid, position FROM outbound_behind`,
  );
  return rows.map((row) => ({ destinationNid: row.destination_nid, position: row.position }));
}

export function putBehind(tx: Tx, destinationNid: number, position: number): void {
  tx.run(sql`INSERT INTO outbound_behind (destination_nid, position) VALUES (${destinationNid}, ${position})
    ON CONFLICT (destination_nid) DO UPDATE SET position = excluded.position`);
}

/** The server knows all there is to know. */
export function takeBehind(tx: Tx, destinationNid: number): void {
  tx.run(sql`DELETE FROM outbound_behind WHERE destination_nid = ${destinationNid}`);
}

/** Notes an event that a server which is behind must hear of, whatever room it is in by then. */
export function putOwed(tx: Tx, destinationNid: number, roomNid: number, eventNid: number): void {
  tx.run(sql`INSERT INTO outbound_owed (destination_nid, room_nid, event_nid) VALUES (${destinationNid}, ${roomNid}, ${eventNid})
    ON CONFLICT (destination_nid, room_nid) DO UPDATE SET event_nid = excluded.event_nid`);
}

export async function readOwed(db: Db, destinationNid: number): Promise<number[]> {
  const rows = await db.all<{ event_nid: number }>(
    sql`SELECT event_nid FROM outbound_owed WHERE destination_nid = ${destinationNid}`,
  );
  return rows.map((row) => row.event_nid);
}

export function takeOwed(tx: Tx, destinationNid: number, eventNids: readonly number[]): void {
  tx.run(sql`DELETE FROM outbound_owed WHERE destination_nid = ${destinationNid} AND event_nid ${inList(eventNids)}`);
}

/** Events of others that this server is to pass on, with the server that has them already. */
export async function readRelays(db: Db): Promise<{ eventNid: number; originNid: number }[]> {
  const rows = await db.all<{ event_nid: number; origin_nid: number }>(
    sql`SELECT event_nid, origin_nid FROM outbound_relays ORDER BY event_nid`,
  );
  return rows.map((row) => ({ eventNid: row.event_nid, originNid: row.origin_nid }));
}

export function putRelay(tx: Tx, eventNid: number, originNid: number): void {
  tx.run(sql`INSERT INTO outbound_relays (event_nid, origin_nid) VALUES (${eventNid}, ${originNid})
    ON CONFLICT (event_nid) DO NOTHING`);
}

export function takeRelay(tx: Tx, eventNid: number): void {
  tx.run(sql`DELETE FROM outbound_relays WHERE event_nid = ${eventNid}`);
}

/** Events that this server has let into the stream itself, in (`after`, `upTo`], with their senders; in order. */
export async function eventsBetween(
  db: Db,
  after: number,
  upTo: number,
  limit: number,
): Promise<{ eventNid: number; senderNid: number }[]> {
  // What was sent here has its position for its integer; what came as history or as somebody's state has not.
  const rows = await db.all<{ event_nid: number; sender_nid: number }>(
    sql`SELECT event_nid, sender_nid FROM events WHERE event_nid > ${after} AND event_nid <= ${upTo} AND position = event_nid
        AND verdict = 0 ORDER BY event_nid LIMIT ${limit}`,
  );
  return rows.map((row) => ({ eventNid: row.event_nid, senderNid: row.sender_nid }));
}

/** The latest events of a room in (`after`, `upTo`], newest first. */
export async function latestInRoom(
  db: Db,
  roomNid: number,
  range: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<{ eventNid: number; senderNid: number; position: number }[]> {
  const rows = await db.all<{ event_nid: number; sender_nid: number; position: number }>(
    sql`SELECT event_nid, sender_nid, position FROM events WHERE room_nid = ${roomNid} AND position > ${range.after}
        AND position <= ${range.upTo} AND verdict = 0 ORDER BY position DESC LIMIT ${range.limit}`,
  );
  return rows.map((row) => ({ eventNid: row.event_nid, senderNid: row.sender_nid, position: row.position }));
}

/** A room's newest events. */
export async function extremitiesOf(db: Db, roomNid: number): Promise<number[]> {
  const rows = await db.all<{ event_nid: number }>(sql`SELECT event_nid FROM forward_extremities WHERE room_nid = ${roomNid}`);
  return rows.map((row) => row.event_nid);
}

/** The rooms that a server is in. One step in the index for each, however many users it has there. */
export async function roomsOfServer(db: Db, serverNid: number): Promise<number[]> {
  // The 1 stands as it is, so that the partial index serves.
  const rows = await db.all<{ room_nid: number }>(
    sql`WITH RECURSIVE found (room_nid) AS (
          SELECT MIN(room_nid) FROM memberships WHERE server_nid = ${serverNid} AND membership = 1
          UNION ALL
          SELECT (SELECT MIN(m.room_nid) FROM memberships m
                  WHERE m.server_nid = ${serverNid} AND m.membership = 1 AND m.room_nid > found.room_nid)
          FROM found WHERE found.room_nid IS NOT NULL
        ) SELECT room_nid FROM found WHERE room_nid IS NOT NULL`,
  );
  return rows.map((row) => row.room_nid);
}

/** The membership events of a room after a position, oldest first. */
export async function membershipEventsAfter(
  db: Db,
  roomNid: number,
  after: number,
  memberTypeNid: number,
): Promise<{ userNid: number; replacesNid: number | undefined }[]> {
  const rows = await db.all<{ state_key_nid: number; replaces_nid: number | null }>(
    sql`SELECT state_key_nid, replaces_nid FROM events WHERE room_nid = ${roomNid} AND position > ${after}
        AND type_nid = ${memberTypeNid} AND state_key_nid IS NOT NULL AND verdict = 0 ORDER BY position`,
  );
  return rows.map((row) => ({ userNid: row.state_key_nid, replacesNid: row.replaces_nid ?? undefined }));
}

/** Whether a user of a server has been joined to a room since that position or before. */
export async function wasJoinedBy(db: Db, roomNid: number, serverNid: number, position: number): Promise<boolean> {
  const row = await db.get(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership = 1 AND server_nid = ${serverNid}
        AND position <= ${position} LIMIT 1`,
  );
  return row !== undefined;
}
