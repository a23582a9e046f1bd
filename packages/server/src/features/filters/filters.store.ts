import { sql, type Database, type Db } from '../../platform/database/index.ts';

/** The text of a user's filter; undefined where there is none with that number. */
export async function findFilter(db: Db, userNid: number, filterId: number): Promise<string | undefined> {
  const row = await db.get<{ filter: string }>(
    sql`SELECT filter FROM filters WHERE user_nid = ${userNid} AND filter_id = ${filterId}`,
  );
  return row?.filter;
}

/** Keeps a filter and gives its number: the same text of the same user has the same number. */
export async function putFilter(database: Database, userNid: number, filter: string): Promise<number> {
  return database.transaction(async (tx) => {
    const known = await tx.get<{ filter_id: number }>(
      sql`SELECT filter_id FROM filters WHERE user_nid = ${userNid} AND filter = ${filter}`,
    );
    if (known) return known.filter_id;
    const last = await tx.get<{ last: number | null }>(
      sql`SELECT MAX(filter_id) AS last FROM filters WHERE user_nid = ${userNid}`,
    );
    const filterId = (last?.last ?? -1) + 1;
    tx.run(sql`INSERT INTO filters (user_nid, filter_id, filter) VALUES (${userNid}, ${filterId}, ${filter})`);
    return filterId;
  });
}
