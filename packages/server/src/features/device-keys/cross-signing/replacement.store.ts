import { type Db, sql, type Tx } from '../../../platform/database/index.ts';

/** From now on the user may replace their keys, until a time in milliseconds. What has run out goes, whosever it was. */
export function allowReplacement(
  tx: Tx,
  userNid: number,
  { now, before }: { readonly now: number; readonly before: number },
): void {
  tx.run(sql`DELETE FROM cross_signing_replacements WHERE allowed_before_ts <= ${now}`);
  tx.run(sql`INSERT INTO cross_signing_replacements (user_nid, allowed_before_ts) VALUES (${userNid}, ${before})
    ON CONFLICT (user_nid) DO UPDATE SET allowed_before_ts = excluded.allowed_before_ts`);
}

/** Whether the user may replace their keys without proof now. */
export async function isReplacementAllowed(db: Db, userNid: number, now: number): Promise<boolean> {
  const row = await db.get(
    sql`SELECT 1 FROM cross_signing_replacements WHERE user_nid = ${userNid} AND allowed_before_ts > ${now}`,
  );
  return row !== undefined;
}

export function endReplacement(tx: Tx, userNid: number): void {
  tx.run(sql`DELETE FROM cross_signing_replacements WHERE user_nid = ${userNid}`);
}
