import { type Db, inList, sql, type Tx } from '../../../platform/database/index.ts';

/** What a cross-signing key is for, as the spec spells it. */
export type KeyUsage = 'master' | 'self_signing' | 'user_signing';

/** A cross-signing key of a user of this server. */
export interface CrossSigningKey {
  readonly userNid: number;
  readonly usage: KeyUsage;
  /** In unpadded base64. */
  readonly publicKey: string;
  /** JSON, with the signatures that everybody may see. */
  readonly keys: string;
}

/** A larger question is split: one statement must not hold up the others. */
const usersAtOnce = 1000;

interface KeyRow {
  user_nid: number;
  usage: KeyUsage;
  public_key: string;
  keys: string;
}

/** All cross-signing keys of these users. */
export async function readCrossSigningKeys(db: Db, userNids: readonly number[]): Promise<CrossSigningKey[]> {
  const keys: CrossSigningKey[] = [];
  for (let start = 0; start < userNids.length; start += usersAtOnce) {
    const rows = await db.all(sql<KeyRow>`SELECT user_nid, usage, public_key, keys FROM cross_signing_keys
      WHERE user_nid ${inList(userNids.slice(start, start + usersAtOnce))}`);
    for (const row of rows) keys.push({ userNid: row.user_nid, usage: row.usage, publicKey: row.public_key, keys: row.keys });
  }
  return keys;
}

export function putCrossSigningKey(tx: Tx, { userNid, usage, publicKey, keys }: CrossSigningKey): void {
  tx.run(sql`INSERT INTO cross_signing_keys (user_nid, usage, public_key, keys) VALUES (${userNid}, ${usage}, ${publicKey}, ${keys})
    ON CONFLICT (user_nid, usage) DO UPDATE SET public_key = excluded.public_key, keys = excluded.keys`);
}

export function removeCrossSigningKey(tx: Tx, userNid: number, usage: KeyUsage): void {
  tx.run(sql`DELETE FROM cross_signing_keys WHERE user_nid = ${userNid} AND usage = ${usage}`);
}

/** A signature of one user about another's master key. */
export interface UserSignature {
  readonly signerNid: number;
  readonly targetNid: number;
  /** The master key that is signed, in unpadded base64. */
  readonly targetKey: string;
  /** `ed25519:` and the user-signing key. */
  readonly signerKeyId: string;
  readonly signature: string;
}

export function putUserSignature(tx: Tx, made: UserSignature): void {
  tx.run(sql`INSERT INTO user_signatures (signer_nid, target_nid, target_key, signer_key_id, signature)
    VALUES (${made.signerNid}, ${made.targetNid}, ${made.targetKey}, ${made.signerKeyId}, ${made.signature})
    ON CONFLICT (signer_nid, target_nid, target_key, signer_key_id) DO UPDATE SET signature = excluded.signature`);
}

interface SignatureRow {
  target_nid: number;
  target_key: string;
  signer_key_id: string;
  signature: string;
}

/** All that a user has signed of others: as many as there are people whom they have verified. */
export async function readSignaturesBy(db: Db, signerNid: number): Promise<UserSignature[]> {
  const rows = await db.all(sql<SignatureRow>`SELECT target_nid, target_key, signer_key_id, signature FROM user_signatures
    WHERE signer_nid = ${signerNid}`);
  return rows.map((row) => ({
    signerNid,
    targetNid: row.target_nid,
    targetKey: row.target_key,
    signerKeyId: row.signer_key_id,
    signature: row.signature,
  }));
}

/** Forgets what this user's user-signing keys have signed. */
export function removeSignaturesBy(tx: Tx, signerNid: number): void {
  tx.run(sql`DELETE FROM user_signatures WHERE signer_nid = ${signerNid}`);
}

/** Forgets what others have signed of this user's master keys. */
export function removeSignaturesAbout(tx: Tx, targetNid: number): void {
  tx.run(sql`DELETE FROM user_signatures WHERE target_nid = ${targetNid}`);
}
