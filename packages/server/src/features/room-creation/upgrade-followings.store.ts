import type { RoomId } from '@myelin/protocol/identifiers';

import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** Somebody who has joined a room that replaces another. */
export interface Following {
  readonly userNid: number;
  readonly roomNid: number;
  readonly predecessor: RoomId;
}

/** Notes that what a user keeps about the old room is to follow. */
export function putFollowing(tx: Tx, { userNid, roomNid, predecessor }: Following): void {
  tx.run(sql`INSERT INTO upgrade_followings (user_nid, room_nid, predecessor) VALUES (${userNid}, ${roomNid}, ${predecessor})
    ON CONFLICT (user_nid, room_nid) DO UPDATE SET predecessor = excluded.predecessor`);
}

/** Notes that it has. */
export function deleteFollowing(tx: Tx, { userNid, roomNid }: Following): void {
  tx.run(sql`DELETE FROM upgrade_followings WHERE user_nid = ${userNid} AND room_nid = ${roomNid}`);
}

/** Who is not done, at most `limit`. */
export async function pendingFollowings(db: Db, limit: number): Promise<Following[]> {
  const rows = await db.all<{ user_nid: number; room_nid: number; predecessor: RoomId }>(
    sql`SELECT user_nid, room_nid, predecessor FROM upgrade_followings LIMIT ${limit}`,
  );
  return rows.map((row) => ({ userNid: row.user_nid, roomNid: row.room_nid, predecessor: row.predecessor }));
}
