import type { UserPushRules } from '@myelin/protocol/push-rules';

import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';

/** What a user made of the push rules; undefined where nothing was ever changed. */
export async function rulesOf(db: Db, userNid: number): Promise<UserPushRules | undefined> {
  const row = await db.get<{ rules: string }>(sql`SELECT rules FROM push_rules WHERE user_nid = ${userNid}`);
  return row && parse(row.rules);
}

/** The same of many users; those who never changed anything are not in the map. */
export async function rulesOfMany(db: Db, userNids: readonly number[]): Promise<Map<number, UserPushRules>> {
  const rows = await db.all<{ user_nid: number; rules: string }>(
    sql`SELECT user_nid, rules FROM push_rules WHERE user_nid ${inList(userNids)}`,
  );
  return new Map(rows.map((row) => [row.user_nid, parse(row.rules)]));
}

/** Where a user's last change stands in the push rules stream; 0 where there is none. */
export async function rulesPosition(db: Db, userNid: number): Promise<number> {
  const row = await db.get<{ position: number }>(sql`SELECT position FROM push_rules WHERE user_nid = ${userNid}`);
  return row?.position ?? 0;
}

/** The largest position of the push rules stream. */
export async function lastRulesPosition(db: Db): Promise<number> {
  const row = await db.get<{ last: number | null }>(sql`SELECT MAX(position) AS last FROM push_rules`);
  return row?.last ?? 0;
}

/** Stores a user's rules in place of what was there. */
export function putRules(tx: Tx, change: { userNid: number; position: number; rules: UserPushRules }): void {
  tx.run(sql`INSERT INTO push_rules (user_nid, position, rules)
    VALUES (${change.userNid}, ${change.position}, ${JSON.stringify(change.rules)})
    ON CONFLICT (user_nid) DO UPDATE SET position = excluded.position, rules = excluded.rules`);
}

function parse(json: string): UserPushRules {
  // Nobody else writes that column.
  return JSON.parse(json) as UserPushRules;
}
