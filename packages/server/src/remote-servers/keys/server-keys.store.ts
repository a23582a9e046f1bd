import type { KeyId, ServerName } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../platform/database/index.ts';
import type { PublishedKeys, ServerKey } from './server-keys.ts';

interface KeyRow {
  server_name: ServerName;
  key_id: KeyId;
  public_key: string;
  retired: number;
  valid_until_ts: number;
}

/** All keys that these servers have ever shown us. */
export async function readServerKeys(db: Db, servers: readonly ServerName[]): Promise<Map<ServerName, ServerKey[]>> {
  const rows = await db.all<KeyRow>(sql`SELECT server_name, key_id, public_key, retired, valid_until_ts FROM server_keys
    WHERE server_name ${inList(servers)}`);
  const found = new Map<ServerName, ServerKey[]>();
  for (const row of rows) {
    const keys = found.get(row.server_name) ?? [];
    keys.push({ keyId: row.key_id, publicKey: row.public_key, retired: row.retired === 1, validUntil: row.valid_until_ts });
    found.set(row.server_name, keys);
  }
  return found;
}

/**
 * Keeps what a server has published. What came by way of others does not take the place of what is newer; `firstHand` does: the server
 * itself has just said so.
 */
export function putPublishedKeys(
  tx: Tx,
  published: PublishedKeys,
  { now, firstHand }: { readonly now: number; readonly firstHand: boolean },
): void {
  const { server, keys, validUntil, answer } = published;
  for (const { keyId, publicKey, retired, validUntil: until } of keys) {
    tx.run(sql`INSERT INTO server_keys (server_name, key_id, public_key, retired, valid_until_ts, added_ts, answer_valid_until_ts, answer)
      VALUES (${server}, ${keyId}, ${publicKey}, ${retired}, ${until}, ${now}, ${validUntil}, ${answer})
      ON CONFLICT (server_name, key_id) DO UPDATE SET public_key = excluded.public_key, retired = excluded.retired,
        valid_until_ts = excluded.valid_until_ts, added_ts = excluded.added_ts,
        answer_valid_until_ts = excluded.answer_valid_until_ts, answer = excluded.answer
      WHERE ${firstHand} = 1 OR excluded.answer_valid_until_ts >= server_keys.answer_valid_until_ts`);
  }
}

/** An answer of a server as it is kept. */
export interface KeptAnswer {
  readonly keyId: KeyId;
  readonly answer: string;
  readonly addedTs: number;
  readonly validUntil: number;
}

/** The latest answers of a server in which each of its keys stood. */
export async function readAnswers(db: Db, server: ServerName): Promise<KeptAnswer[]> {
  const rows = await db.all<{ key_id: KeyId; answer: string; added_ts: number; answer_valid_until_ts: number }>(
    sql`SELECT key_id, answer, added_ts, answer_valid_until_ts FROM server_keys WHERE server_name = ${server} ORDER BY key_id`,
  );
  return rows.map((row) => ({
    keyId: row.key_id,
    answer: row.answer,
    addedTs: row.added_ts,
    validUntil: row.answer_valid_until_ts,
  }));
}
