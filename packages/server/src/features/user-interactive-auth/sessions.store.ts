import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto';

import { type Database, type Db, sql, type Tx } from '../../platform/database/index.ts';
import type { Json, JsonObject } from './stage.ts';

/** A request that is being confirmed. */
export interface UiaSession {
  /** Known to the client alone. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly userNid?: number;
  /** The request's body without `auth`, as it was when it first held something. */
  readonly body: JsonObject;
  /** What each completed stage proved. */
  readonly completed: Readonly<Record<string, Json>>;
}

/** How the row of a session is found. */
export function sessionHashOf(id: string): Uint8Array {
  return hash('sha256', id, 'buffer');
}

export function insertSession(tx: Tx, session: UiaSession, createdTs: number): void {
  tx.run(sql`INSERT INTO ui_auth_sessions (session_hash, created_ts, method, path, user_nid, sealed_body)
    VALUES (${sessionHashOf(session.id)}, ${createdTs}, ${session.method}, ${session.path}, ${session.userNid ?? null},
      ${seal(session)})`);
  for (const [stage, result] of Object.entries(session.completed)) insertStage(tx, session.id, stage, result);
}

export function updateBody(tx: Tx, session: UiaSession): void {
  tx.run(sql`UPDATE ui_auth_sessions SET sealed_body = ${seal(session)} WHERE session_hash = ${sessionHashOf(session.id)}`);
}

/** A stage counts once, whatever a second try at the same moment came to. */
export function insertStage(tx: Tx, id: string, stage: string, result: Json): void {
  tx.run(sql`INSERT INTO ui_auth_stages (session_hash, stage, result)
    VALUES (${sessionHashOf(id)}, ${stage}, ${JSON.stringify(result)}) ON CONFLICT (session_hash, stage) DO NOTHING`);
}

interface SessionRow {
  method: string;
  path: string;
  user_nid: number | null;
  sealed_body: Uint8Array | null;
}

/** Undefined where there is none of that id that is younger than `sinceTs`. */
export async function readSession(db: Db, id: string, sinceTs: number): Promise<UiaSession | undefined> {
  const sessionHash = sessionHashOf(id);
  const row = await db.get(sql<SessionRow>`SELECT method, path, user_nid, sealed_body FROM ui_auth_sessions
    WHERE session_hash = ${sessionHash} AND created_ts > ${sinceTs}`);
  if (!row) return undefined;
  return {
    id,
    method: row.method,
    path: row.path,
    ...(row.user_nid !== null && { userNid: row.user_nid }),
    body: row.sealed_body === null ? {} : unseal(id, row.sealed_body),
    completed: await readStages(db, sessionHash),
  };
}

async function readStages(db: Db, sessionHash: Uint8Array): Promise<Record<string, Json>> {
  const rows = await db.all(
    sql<{ stage: string; result: string }>`SELECT stage, result FROM ui_auth_stages WHERE session_hash = ${sessionHash}`,
  );
  return Object.fromEntries(rows.map(({ stage, result }) => [stage, JSON.parse(result) as Json]));
}

/** Removes a session; false where somebody else already has. */
export function removeSession(database: Database, sessionHash: Uint8Array): Promise<boolean> {
  return database.transaction(async (tx) => {
    tx.run(sql`DELETE FROM ui_auth_stages WHERE session_hash = ${sessionHash}`);
    return (await tx.change(sql`DELETE FROM ui_auth_sessions WHERE session_hash = ${sessionHash}`)) > 0;
  });
}

/** Sessions that were begun before `beforeTs`, with what had been proved in them. */
export async function readLapsedSessions(
  db: Db,
  beforeTs: number,
  limit: number,
): Promise<{ readonly sessionHash: Uint8Array; readonly completed: Record<string, Json> }[]> {
  const rows = await db.all(sql<{ session_hash: Uint8Array }>`SELECT session_hash FROM ui_auth_sessions
    WHERE created_ts <= ${beforeTs} ORDER BY created_ts LIMIT ${limit}`);
  return Promise.all(
    rows.map(async ({ session_hash }) => ({ sessionHash: session_hash, completed: await readStages(db, session_hash) })),
  );
}

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** The body may hold a new password; who reads the database must not find it. */
function seal({ id, body }: UiaSession): Uint8Array | null {
  if (Object.keys(body).length === 0) return null;
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, keyOf(id), nonce);
  const sealed = Buffer.concat([sealing.update(JSON.stringify(body)), sealing.final()]);
  return Buffer.concat([nonce, sealing.getAuthTag(), sealed]);
}

function unseal(id: string, sealed: Uint8Array): JsonObject {
  const opening = createDecipheriv(cipher, keyOf(id), sealed.subarray(0, nonceBytes));
  opening.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  const text = Buffer.concat([opening.update(sealed.subarray(nonceBytes + tagBytes)), opening.final()]).toString();
  return JSON.parse(text) as JsonObject;
}

function keyOf(id: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', id, '', 'body of a user-interactive session', 32));
}
