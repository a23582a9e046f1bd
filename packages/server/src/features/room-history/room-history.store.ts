import { inList, sql, type Db } from '../../platform/database/index.ts';

/** Events of a room that have a place in it, from a moment on, the nearest first. Of one moment they go by our integers. */
export async function eventsByTime(
  db: Db,
  roomNid: number,
  wanted: {
    readonly from: { readonly ts: number; readonly nid: number };
    readonly upTo: number;
    readonly direction: 'b' | 'f';
    readonly limit: number;
  },
): Promise<{ event_nid: number; origin_server_ts: number }[]> {
  const { from, upTo, direction, limit } = wanted;
  // The first comparison alone is what the index is searched by.
  return direction === 'b'
    ? db.all(sql`SELECT event_nid, origin_server_ts FROM events WHERE room_nid = ${roomNid} AND position IS NOT NULL
        AND origin_server_ts <= ${from.ts} AND (origin_server_ts, event_nid) < (${from.ts}, ${from.nid})
        AND verdict = 0 AND position <= ${upTo} ORDER BY origin_server_ts DESC, event_nid DESC LIMIT ${limit}`)
    : db.all(sql`SELECT event_nid, origin_server_ts FROM events WHERE room_nid = ${roomNid} AND position IS NOT NULL
        AND origin_server_ts >= ${from.ts} AND (origin_server_ts, event_nid) > (${from.ts}, ${from.nid})
        AND verdict = 0 AND position <= ${upTo} ORDER BY origin_server_ts, event_nid LIMIT ${limit}`);
}

/** A local user's own membership events in a room from a moment on, the nearest first. */
export async function ownMembershipEvents(
  db: Db,
  wanted: { readonly userNid: number; readonly roomNid: number; readonly ts: number; readonly direction: 'b' | 'f' },
): Promise<number[]> {
  const rows = await (wanted.direction === 'b'
    ? db.all<{
        event_nid: number;
      }>(sql`SELECT c.event_nid FROM local_membership_changes c JOIN events e ON e.event_nid = c.event_nid
        WHERE c.user_nid = ${wanted.userNid} AND c.room_nid = ${wanted.roomNid} AND origin_server_ts <= ${wanted.ts}
        ORDER BY origin_server_ts DESC LIMIT 20`)
    : db.all<{
        event_nid: number;
      }>(sql`SELECT c.event_nid FROM local_membership_changes c JOIN events e ON e.event_nid = c.event_nid
        WHERE c.user_nid = ${wanted.userNid} AND c.room_nid = ${wanted.roomNid} AND origin_server_ts >= ${wanted.ts}
        ORDER BY origin_server_ts LIMIT 20`));
  return rows.map((row) => row.event_nid);
}

/** Accepted events of some rooms in (`since`, `upTo`] of the events stream, oldest first, at most `limit`. */
export async function eventsOfRooms(
  db: Db,
  roomNids: readonly number[],
  range: { readonly since: number; readonly upTo: number; readonly limit: number },
): Promise<number[]> {
  const rows = await db.all<{ event_nid: number }>(
    sql`SELECT event_nid FROM events WHERE room_nid ${inList(roomNids)} AND position > ${range.since} AND position <= ${range.upTo}
        AND verdict = 0 ORDER BY position LIMIT ${range.limit}`,
  );
  return rows.map((row) => row.event_nid);
}
