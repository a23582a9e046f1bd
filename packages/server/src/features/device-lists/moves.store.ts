import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';

/** A user has come into a room, or is gone from it; or, for user 0, the room is encrypted from now on. */
export interface Move {
  readonly roomNid: number;
  readonly userNid: number;
  /** In the events stream. */
  readonly position: number;
  readonly joined: boolean;
}

/** Stands for all members of a room that has become an encrypted one. */
export const everyMember = 0;

/** Writes moves; of each user in each room the latest is kept. */
export function putMoves(tx: Tx, moves: readonly Move[]): void {
  const last = [...new Map(moves.map((move) => [`${move.roomNid} ${move.userNid}`, move])).values()];
  tx.insertMany(
    'device_list_moves',
    ['room_nid', 'user_nid', 'position', 'joined'],
    last.map(({ roomNid, userNid, position, joined }) => [roomNid, userNid, position, joined]),
    '(room_nid, user_nid) DO UPDATE SET position = excluded.position, joined = excluded.joined',
  );
}

/** Of the rooms that a user is joined to those in which somebody moved after a position. One step in the index for each room. */
export async function movedRooms(db: Db, userNid: number, since: number): Promise<number[]> {
  // Not as a join: without statistics PostgreSQL would read the moves of all rooms.
  const rows = await db.all<{ room_nid: number }>(
    sql`SELECT m.room_nid FROM memberships m WHERE m.user_nid = ${userNid} AND m.membership + 0 = 1
        AND (SELECT d.position FROM device_list_moves d WHERE d.room_nid = m.room_nid AND d.position > ${since} LIMIT 1) IS NOT NULL`,
  );
  return rows.map((row) => row.room_nid);
}

/** For more at once PostgreSQL would read the moves of all rooms. */
const roomsAtOnce = 20;

/** What moved after a position in some rooms. */
export async function movesIn(db: Db, roomNids: readonly number[], since: number): Promise<Move[]> {
  const moves: Move[] = [];
  for (let start = 0; start < roomNids.length; start += roomsAtOnce) {
    const rows = await db.all<MoveRow>(
      sql`SELECT room_nid, user_nid, position, joined FROM device_list_moves
          WHERE room_nid ${inList(roomNids.slice(start, start + roomsAtOnce))} AND position > ${since}`,
    );
    moves.push(...revive(rows));
  }
  return moves;
}

/** Members of a room, as many as `limit` at most. */
export async function someMembers(db: Db, roomNid: number, limit: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership = 1 LIMIT ${limit}`,
  );
  return rows.map((row) => row.user_nid);
}

/**
 * Those of the candidates who are in a room with a user now. One step in the index for each room of theirs: not as a join, for which the
 * databases would read all members of all rooms of the user; and + 0, because PostgreSQL without statistics prefers indexes of all who are
 * joined.
 */
export async function thoseWhoShare(db: Db, userNid: number, candidates: readonly number[]): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT DISTINCT theirs.user_nid FROM memberships theirs WHERE theirs.user_nid ${inList(candidates)} AND theirs.membership + 0 = 1
        AND (SELECT own.room_nid FROM memberships own
             WHERE own.user_nid = ${userNid} AND own.room_nid = theirs.room_nid AND own.membership + 0 = 1 LIMIT 1) IS NOT NULL`,
  );
  return rows.map((row) => row.user_nid);
}

interface MoveRow {
  room_nid: number;
  user_nid: number;
  position: number;
  joined: number;
}

function revive(rows: readonly MoveRow[]): Move[] {
  return rows.map((row) => ({ roomNid: row.room_nid, userNid: row.user_nid, position: row.position, joined: row.joined === 1 }));
}
