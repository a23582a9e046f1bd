import { inList, sql, type Db, type Interner, type Tx } from '../../platform/database/index.ts';

/** The room number of what belongs to the account as a whole. */
export const wholeAccount = 0;

/** One piece of account data. */
export interface AccountDatum {
  /** `wholeAccount` where it belongs to no room. */
  readonly roomNid: number;
  readonly type: string;
  /** JSON. Undefined for what was deleted. */
  readonly content: string | undefined;
}

interface Row {
  room_nid: number;
  type_nid: number;
  content: string | null;
}

/** The JSON kept under a type; undefined where there is none, or no longer. */
export async function contentOf(db: Db, userNid: number, roomNid: number, typeNid: number): Promise<string | undefined> {
  const row = await db.get<{ content: string | null }>(
    sql`SELECT content FROM account_data WHERE user_nid = ${userNid} AND room_nid = ${roomNid} AND type_nid = ${typeNid}`,
  );
  return row?.content ?? undefined;
}

/** All that a user keeps, deleted things left out. One range of the primary key. */
export async function allOfUser(db: Db, names: Interner, userNid: number): Promise<AccountDatum[]> {
  return named(
    names,
    await db.all<Row>(
      sql`SELECT room_nid, type_nid, content FROM account_data WHERE user_nid = ${userNid} AND content IS NOT NULL
          ORDER BY room_nid, type_nid`,
    ),
  );
}

/** What a user keeps for some rooms, deleted things left out. */
export async function inRooms(db: Db, names: Interner, userNid: number, roomNids: Iterable<number>): Promise<AccountDatum[]> {
  return named(
    names,
    await db.all<Row>(
      sql`SELECT room_nid, type_nid, content FROM account_data WHERE user_nid = ${userNid} AND room_nid ${inList([...roomNids])}
          AND content IS NOT NULL ORDER BY room_nid, type_nid`,
    ),
  );
}

/** What changed after `since` and not after `upTo`, deletions among it, oldest change first. */
export async function changedBetween(
  db: Db,
  names: Interner,
  userNid: number,
  since: number,
  upTo: number,
): Promise<AccountDatum[]> {
  return named(
    names,
    await db.all<Row>(
      sql`SELECT room_nid, type_nid, content FROM account_data WHERE user_nid = ${userNid} AND position > ${since}
          AND position <= ${upTo} ORDER BY position`,
    ),
  );
}

/** Where the stream stands; 0 while nobody keeps anything. */
export async function lastPosition(db: Db): Promise<number> {
  const row = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM account_data`);
  return row?.last ?? 0;
}

/** Puts content under a type; undefined marks it as deleted. */
export function putContent(
  tx: Tx,
  datum: { userNid: number; roomNid: number; typeNid: number; position: number; content: string | undefined },
): void {
  tx.run(sql`INSERT INTO account_data (user_nid, room_nid, type_nid, position, content)
    VALUES (${datum.userNid}, ${datum.roomNid}, ${datum.typeNid}, ${datum.position}, ${datum.content ?? null})
    ON CONFLICT (user_nid, room_nid, type_nid) DO UPDATE SET position = excluded.position, content = excluded.content`);
}

/** Deletes the contents of all that a user keeps. What was kept when stays, so that the stream never goes back. */
export function eraseContents(tx: Tx, userNid: number): void {
  tx.run(sql`UPDATE account_data SET content = NULL WHERE user_nid = ${userNid} AND content IS NOT NULL`);
}

async function named(names: Interner, rows: readonly Row[]): Promise<AccountDatum[]> {
  const types = await names.textsOf(new Set(rows.map((row) => row.type_nid)));
  return rows.map((row) => ({
    roomNid: row.room_nid,
    type: types.get(row.type_nid) ?? '',
    content: row.content ?? undefined,
  }));
}
