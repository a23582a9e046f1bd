import { sql, type Db, type Tx } from '../../platform/database/index.ts';

/** Keeps a token by its hash. `expiresTs` in milliseconds since 1970. */
export function insertOpenIdToken(tx: Tx, token: { readonly hash: Uint8Array; userNid: number; expiresTs: number }): void {
  tx.run(sql`INSERT INTO openid_tokens (token_hash, user_nid, expires_ts)
    VALUES (${token.hash}, ${token.userNid}, ${token.expiresTs})`);
}

/** Whose token it is; undefined where nobody has it, or not any more. */
export async function ownerOfOpenIdToken(db: Db, hash: Uint8Array, now: number): Promise<number | undefined> {
  const row = await db.get<{ user_nid: number }>(
    sql`SELECT user_nid FROM openid_tokens WHERE token_hash = ${hash} AND expires_ts > ${now}`,
  );
  return row?.user_nid;
}

/** Removes what nobody can use any more. */
export function removeExpiredOpenIdTokens(tx: Tx, now: number): void {
  tx.run(sql`DELETE FROM openid_tokens WHERE expires_ts <= ${now}`);
}
