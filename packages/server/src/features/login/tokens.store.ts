import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import { type Db, inList, type InteractiveTx, sql, type Tx } from '../../platform/database/index.ts';

/** One login: what its tokens have in common. */
export interface SessionOfTokens {
  readonly userNid: number;
  readonly sessionId: string;
  readonly deviceId?: DeviceId;
}

export interface NewAccessToken extends SessionOfTokens {
  readonly hash: Uint8Array;
  readonly generation: number;
  readonly createdTs: number;
  /** Milliseconds since 1970; without it the token does not end by itself. */
  readonly expiresTs?: number;
  /** When the user last proved who they are. */
  readonly provedTs?: number;
}

export interface RefreshToken extends SessionOfTokens {
  readonly deviceId: DeviceId;
  readonly generation: number;
  readonly expiresTs?: number;
  /** When the login ends for good, however often it is refreshed. */
  readonly sessionExpiresTs?: number;
}

/** What an access token says of who brings it. */
export interface TokenOwner {
  readonly userNid: number;
  readonly userId: UserId;
  readonly deviceId?: DeviceId;
  readonly sessionId: string;
  readonly generation: number;
  readonly isUsed: boolean;
  readonly expiresTs?: number;
  readonly isGuest: boolean;
  readonly isAdmin: boolean;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  readonly isShadowBanned: boolean;
}

interface OwnerRow {
  user_nid: number;
  user_id: UserId;
  device_id: DeviceId | null;
  session_id: string;
  generation: number;
  used: number;
  expires_ts: number | null;
  is_guest: number;
  admin: number;
  locked: number;
  suspended: number;
  shadow_banned: number;
}

/** Whose access token that is; nobody's where the account was deactivated. */
export async function readOwner(db: Db, tokenHash: Uint8Array): Promise<TokenOwner | undefined> {
  const row = await db.get(sql<OwnerRow>`SELECT t.user_nid, n.text AS user_id, t.device_id, t.session_id, t.generation, t.used,
      t.expires_ts, u.is_guest, u.admin, u.locked, u.suspended, u.shadow_banned
    FROM access_tokens t JOIN users u ON u.user_nid = t.user_nid JOIN names n ON n.id = t.user_nid
    WHERE t.token_hash = ${tokenHash} AND u.deactivated = 0`);
  if (!row) return undefined;
  return {
    userNid: row.user_nid,
    userId: row.user_id,
    sessionId: row.session_id,
    generation: row.generation,
    isUsed: row.used === 1,
    isGuest: row.is_guest === 1,
    isAdmin: row.admin === 1,
    isLocked: row.locked === 1,
    isSuspended: row.suspended === 1,
    isShadowBanned: row.shadow_banned === 1,
    ...(row.device_id !== null && { deviceId: row.device_id }),
    ...(row.expires_ts !== null && { expiresTs: row.expires_ts }),
  };
}

export function insertAccessToken(tx: Tx, token: NewAccessToken): void {
  tx.run(sql`INSERT INTO access_tokens
    (token_hash, user_nid, device_id, session_id, generation, used, created_ts, expires_ts, proved_ts)
    VALUES (${token.hash}, ${token.userNid}, ${token.deviceId ?? null}, ${token.sessionId}, ${token.generation}, 0,
      ${token.createdTs}, ${token.expiresTs ?? null}, ${token.provedTs ?? null})`);
}

export function insertRefreshToken(tx: Tx, token: RefreshToken & { readonly hash: Uint8Array }): void {
  tx.run(sql`INSERT INTO refresh_tokens
    (token_hash, user_nid, device_id, session_id, generation, expires_ts, session_expires_ts)
    VALUES (${token.hash}, ${token.userNid}, ${token.deviceId}, ${token.sessionId}, ${token.generation},
      ${token.expiresTs ?? null}, ${token.sessionExpiresTs ?? null})`);
}

interface RefreshRow {
  user_nid: number;
  device_id: DeviceId;
  session_id: string;
  generation: number;
  expires_ts: number | null;
  session_expires_ts: number | null;
}

export async function readRefreshToken(db: Db, tokenHash: Uint8Array): Promise<RefreshToken | undefined> {
  const row = await db.get(sql<RefreshRow>`SELECT user_nid, device_id, session_id, generation, expires_ts, session_expires_ts
    FROM refresh_tokens WHERE token_hash = ${tokenHash}`);
  if (!row) return undefined;
  return {
    userNid: row.user_nid,
    deviceId: row.device_id,
    sessionId: row.session_id,
    generation: row.generation,
    ...(row.expires_ts !== null && { expiresTs: row.expires_ts }),
    ...(row.session_expires_ts !== null && { sessionExpiresTs: row.session_expires_ts }),
  };
}

/** Ends the tokens of all generations of a session but one, and marks that one as used. */
export function keepGeneration(tx: Tx, { userNid, sessionId }: SessionOfTokens, generation: number): void {
  tx.run(sql`DELETE FROM access_tokens
    WHERE user_nid = ${userNid} AND session_id = ${sessionId} AND generation <> ${generation}`);
  tx.run(sql`DELETE FROM refresh_tokens
    WHERE user_nid = ${userNid} AND session_id = ${sessionId} AND generation <> ${generation}`);
  tx.run(sql`UPDATE access_tokens SET used = 1
    WHERE user_nid = ${userNid} AND session_id = ${sessionId} AND generation = ${generation}`);
}

/** Whether a session still has tokens of a generation, and when its user last proved who they are. */
export async function readSession(
  db: InteractiveTx | Db,
  userNid: number,
  sessionId: string,
): Promise<{ readonly provedTs?: number } | undefined> {
  const row = await db.get(sql<{ proved_ts: number | null }>`SELECT MAX(proved_ts) AS proved_ts FROM access_tokens
    WHERE user_nid = ${userNid} AND session_id = ${sessionId}`);
  return row && { ...(row.proved_ts !== null && { provedTs: row.proved_ts }) };
}

export function updateProved(tx: Tx, userNid: number, sessionId: string, provedTs: number): void {
  tx.run(sql`UPDATE access_tokens SET proved_ts = ${provedTs} WHERE user_nid = ${userNid} AND session_id = ${sessionId}`);
}

export function deleteTokensOfDevices(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
  tx.run(sql`DELETE FROM access_tokens WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)}`);
  tx.run(sql`DELETE FROM refresh_tokens WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)}`);
}

export function deleteTokensOfSession(tx: Tx, userNid: number, sessionId: string): void {
  tx.run(sql`DELETE FROM access_tokens WHERE user_nid = ${userNid} AND session_id = ${sessionId}`);
  tx.run(sql`DELETE FROM refresh_tokens WHERE user_nid = ${userNid} AND session_id = ${sessionId}`);
}

/** All tokens that belong to no device. */
export function deleteTokensWithoutDevice(tx: Tx, userNid: number): void {
  tx.run(sql`DELETE FROM access_tokens WHERE user_nid = ${userNid} AND device_id IS NULL`);
}
