import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** A thread by its root, with the place of its latest event. */
export interface ThreadRow {
  readonly root_nid: number;
  readonly latest_depth: number;
  readonly latest_position: number;
}

/** An event has joined a thread: it is the latest unless something stands behind it. */
export function putThreadEvent(
  tx: Tx,
  thread: { readonly rootNid: number; readonly roomNid: number; readonly depth: number; readonly position: number },
): void {
  tx.run(sql`INSERT INTO threads (root_nid, room_nid, latest_depth, latest_position)
    VALUES (${thread.rootNid}, ${thread.roomNid}, ${thread.depth}, ${thread.position})
    ON CONFLICT (root_nid) DO UPDATE SET latest_depth = excluded.latest_depth, latest_position = excluded.latest_position
    WHERE (excluded.latest_depth, excluded.latest_position) > (threads.latest_depth, threads.latest_position)`);
}

/** An event has left a thread: what is latest is looked up anew, and a thread without events is none. */
export function refreshThread(tx: Tx, rootNid: number, threadRelNid: number): void {
  tx.run(sql`UPDATE threads SET
      latest_depth = COALESCE((SELECT depth FROM relations WHERE parent_nid = ${rootNid} AND rel_type_nid = ${threadRelNid}
        ORDER BY depth DESC, position DESC LIMIT 1), -1),
      latest_position = COALESCE((SELECT position FROM relations WHERE parent_nid = ${rootNid} AND rel_type_nid = ${threadRelNid}
        ORDER BY depth DESC, position DESC LIMIT 1), -1)
    WHERE root_nid = ${rootNid}`);
  tx.run(sql`DELETE FROM threads WHERE root_nid = ${rootNid} AND latest_depth = -1`);
}

/** A room's threads from a place on, the latest first. */
export async function pageOfThreads(
  db: Db,
  roomNid: number,
  before: { readonly depth: number; readonly position: number },
  limit: number,
): Promise<ThreadRow[]> {
  return db.all(sql`SELECT root_nid, latest_depth, latest_position FROM threads WHERE room_nid = ${roomNid}
    AND (latest_depth, latest_position) <= (${before.depth}, ${before.position})
    ORDER BY latest_depth DESC, latest_position DESC LIMIT ${limit}`);
}

/** How many events these threads have up to a place of the stream, some senders' left out, and how many of one user's. */
export async function countThreads(
  db: Db,
  rootNids: readonly number[],
  wanted: {
    readonly threadRelNid: number;
    readonly upTo: number;
    readonly without: readonly number[];
    readonly userNid: number;
  },
): Promise<{ parent_nid: number; events: number; own: number }[]> {
  return db.all(sql`SELECT parent_nid, COUNT(*) AS events,
      SUM(CASE WHEN sender_nid = ${wanted.userNid} THEN 1 ELSE 0 END) AS own
    FROM relations WHERE parent_nid ${inList(rootNids)} AND rel_type_nid = ${wanted.threadRelNid} AND position <= ${wanted.upTo}
      AND NOT sender_nid ${inList(wanted.without)}
    GROUP BY parent_nid`);
}

/** In which of these threads a user has sent something. */
export async function threadsOfUser(
  db: Db,
  rootNids: readonly number[],
  threadRelNid: number,
  userNid: number,
): Promise<Set<number>> {
  const rows = await db.all<{ parent_nid: number }>(
    sql`SELECT DISTINCT parent_nid FROM relations WHERE parent_nid ${inList(rootNids)} AND rel_type_nid = ${threadRelNid}
        AND sender_nid = ${userNid}`,
  );
  return new Set(rows.map((row) => row.parent_nid));
}
