import { type Db, inList, sql } from '../../../platform/database/index.ts';

/** A larger question is split: one statement must not hold up the others. */
const usersAtOnce = 1000;

/**
 * Those of the candidates who are in a room with a user, each of both joined (1) or invited (2): messages are encrypted for those who are
 * invited, and whoever is must know by whose devices. One step in the index for each room of a candidate's: not as a join, for which the
 * databases would read all members of all rooms of the user; and + 0, because PostgreSQL without statistics prefers indexes of all who are
 * joined.
 */
export async function inRoomsWith(db: Db, userNid: number, candidates: readonly number[]): Promise<Set<number>> {
  const found = new Set<number>();
  for (let start = 0; start < candidates.length; start += usersAtOnce) {
    const some = candidates.slice(start, start + usersAtOnce);
    const rows = await db.all(
      sql<{ user_nid: number }>`SELECT DISTINCT theirs.user_nid FROM memberships theirs
        WHERE theirs.user_nid ${inList(some)} AND theirs.membership + 0 IN (1, 2)
          AND (SELECT own.room_nid FROM memberships own
               WHERE own.user_nid = ${userNid} AND own.room_nid = theirs.room_nid AND own.membership + 0 IN (1, 2) LIMIT 1) IS NOT NULL`,
    );
    for (const row of rows) found.add(row.user_nid);
  }
  return found;
}
