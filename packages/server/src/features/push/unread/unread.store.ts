import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';
import { markThreadRead } from '../notifying/notifications.store.ts';

/** A thread's part of a user's unread counts in a room. */
export interface UnreadRow {
  readonly room_nid: number;
  readonly thread_nid: number;
  readonly notifications: number;
  readonly highlights: number;
  /** The last event that counts here. */
  readonly last_position: number;
}

/** Of which rooms, for whom, and up to which position of the events stream. */
export interface UnreadQuestion {
  readonly userNid: number;
  readonly roomNids: readonly number[];
  readonly upTo: number;
}

/**
 * What counts for followers, by room and thread; threads without any are left out. Two places of an index for each thread that has had
 * notifying events since the user's last unthreaded mark, however many events are unread.
 *
 * The joins are CROSS JOINs because SQLite then takes the tables in the order in which they stand; it would go through all events else.
 */
export function unreadFollowed(db: Db, { userNid, roomNids, upTo }: UnreadQuestion): Promise<UnreadRow[]> {
  return db.all<UnreadRow>(sql`
    WITH spans AS MATERIALIZED (
      SELECT room_nid, read_position, main_position, follows_from AS from_position, CAST(${upTo} AS bigint) AS to_position
      FROM unread_rooms WHERE user_nid = ${userNid} AND follows_from IS NOT NULL AND room_nid ${inList(roomNids)}
      UNION ALL
      SELECT u.room_nid, u.read_position, u.main_position, s.from_position,
        CASE WHEN s.to_position < CAST(${upTo} AS bigint) THEN s.to_position ELSE CAST(${upTo} AS bigint) END
      FROM unread_spans s JOIN unread_rooms u ON u.user_nid = s.user_nid AND u.room_nid = s.room_nid
      WHERE s.user_nid = ${userNid} AND s.room_nid ${inList(roomNids)}
    ), threads AS (
      SELECT room_nid, 0 AS thread_nid, from_position AS a, read_position AS b, main_position AS c, to_position FROM spans
      UNION ALL
      SELECT p.room_nid, t.thread_nid, p.from_position, p.read_position,
        COALESCE((SELECT m.position FROM read_threads m
          WHERE m.user_nid = ${userNid} AND m.room_nid = p.room_nid AND m.thread_nid = t.thread_nid), 0), p.to_position
      FROM spans p CROSS JOIN notifying_threads t
      WHERE t.room_nid = p.room_nid AND t.last_position > p.from_position AND t.last_position > p.read_position
    ), stretches AS MATERIALIZED (
      SELECT room_nid, thread_nid, CASE WHEN a >= b AND a >= c THEN a WHEN b >= c THEN b ELSE c END AS after_position, to_position
      FROM threads
    ), bounds AS MATERIALIZED (
      SELECT room_nid, thread_nid,
        (SELECT e.position FROM notifying_events e WHERE e.room_nid = s.room_nid AND e.thread_nid = s.thread_nid
          AND e.position > s.after_position AND e.position <= s.to_position ORDER BY e.position LIMIT 1) AS first_position,
        (SELECT e.position FROM notifying_events e WHERE e.room_nid = s.room_nid AND e.thread_nid = s.thread_nid
          AND e.position > s.after_position AND e.position <= s.to_position ORDER BY e.position DESC LIMIT 1) AS last_position
      FROM stretches s WHERE s.after_position < s.to_position
    )
    SELECT b.room_nid, b.thread_nid, b.last_position,
      l.notifications - f.notifications + 1 - (SELECT COUNT(*) FROM retracted_notifications r
        WHERE r.room_nid = b.room_nid AND r.thread_nid = b.thread_nid
          AND r.position >= b.first_position AND r.position <= b.last_position) AS notifications,
      l.highlights - f.highlights + f.highlight - (SELECT COUNT(*) FROM retracted_notifications r
        WHERE r.room_nid = b.room_nid AND r.thread_nid = b.thread_nid
          AND r.position >= b.first_position AND r.position <= b.last_position AND r.highlight = 1) AS highlights
    FROM bounds b CROSS JOIN notifying_events f CROSS JOIN notifying_events l
    WHERE f.room_nid = b.room_nid AND f.thread_nid = b.thread_nid AND f.position = b.first_position
      AND l.room_nid = b.room_nid AND l.thread_nid = b.thread_nid AND l.position = b.last_position`);
}

/** What counts beyond that, or less than that, for this user alone. */
export function unreadExceptions(db: Db, { userNid, roomNids, upTo }: UnreadQuestion): Promise<UnreadRow[]> {
  return db.all<UnreadRow>(sql`
    SELECT n.room_nid, n.thread_nid, CAST(SUM(n.notifications) AS bigint) AS notifications,
      CAST(SUM(n.highlights) AS bigint) AS highlights, MAX(n.position) AS last_position
    FROM notified_users n CROSS JOIN unread_rooms u
    LEFT JOIN read_threads m ON m.user_nid = n.user_nid AND m.room_nid = n.room_nid AND m.thread_nid = n.thread_nid
    WHERE n.user_nid = ${userNid} AND n.unread = 1 AND n.room_nid ${inList(roomNids)}
      AND u.user_nid = n.user_nid AND u.room_nid = n.room_nid AND n.position <= ${upTo} AND n.position > u.read_position
      AND n.position > CASE WHEN n.thread_nid = 0 THEN u.main_position ELSE COALESCE(m.position, 0) END
    GROUP BY n.room_nid, n.thread_nid`);
}

/** In which of the rooms the user followed the room's notifying events at that position. */
export async function roomsFollowed(db: Db, { userNid, roomNids, upTo }: UnreadQuestion): Promise<Set<number>> {
  const rows = await db.all<{ room_nid: number }>(sql`
    SELECT room_nid FROM unread_rooms WHERE user_nid = ${userNid} AND room_nid ${inList(roomNids)} AND follows_from <= ${upTo}
    UNION
    SELECT room_nid FROM unread_spans
    WHERE user_nid = ${userNid} AND room_nid ${inList(roomNids)} AND from_position <= ${upTo} AND to_position >= ${upTo}`);
  return new Set(rows.map((row) => row.room_nid));
}

/** The rooms in which a user's read markers moved between two positions of the push counts stream. */
export async function roomsMarked(db: Db, userNid: number, since: number, upTo: number): Promise<number[]> {
  const rows = await db.all<{ room_nid: number }>(
    sql`SELECT room_nid FROM unread_rooms WHERE user_nid = ${userNid} AND marked_at > ${since} AND marked_at <= ${upTo}`,
  );
  return rows.map((row) => row.room_nid);
}

/** The largest position of the push counts stream. */
export async function lastMark(db: Db): Promise<number> {
  const row = await db.get<{ last: number | null }>(sql`SELECT MAX(marked_at) AS last FROM unread_rooms`);
  return row?.last ?? 0;
}

/** Up to where a user has read a room: one of its threads (0 is the main timeline), or all of them. */
export interface StoredMark {
  readonly userNid: number;
  readonly roomNid: number;
  readonly threadNid: number | undefined;
  readonly upTo: number;
  /** Its place in the push counts stream. */
  readonly markedAt: number;
}

/** Moves a mark, never back, and drops what it makes needless. */
export function putMark(tx: Tx, { userNid, roomNid, threadNid, upTo, markedAt }: StoredMark): void {
  tx.run(sql`UPDATE unread_rooms SET marked_at = ${markedAt} WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
  if (threadNid !== undefined) {
    markThreadRead(tx, { userNid, roomNid, threadNid, position: upTo });
    tx.run(sql`UPDATE notified_users SET unread = 0 WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND unread = 1
      AND position <= ${upTo} AND thread_nid = ${threadNid}`);
    return;
  }
  tx.run(sql`UPDATE unread_rooms SET read_position = ${upTo}
    WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND read_position < ${upTo}`);
  tx.run(sql`UPDATE notified_users SET unread = 0 WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND unread = 1
    AND position <= ${upTo}`);
  tx.run(sql`DELETE FROM unread_spans WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND to_position <= ${upTo}`);
  tx.run(sql`DELETE FROM read_threads WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND position <= ${upTo}`);
}
