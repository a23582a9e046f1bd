import { type Database, type Db, sql } from '../../platform/database/index.ts';

/** A token that lets somebody register; times in milliseconds since 1970. */
export interface RegistrationToken {
  readonly token: string;
  readonly usesAllowed: number | null;
  /** Registrations that have shown the token and are not complete. */
  readonly pending: number;
  readonly completed: number;
  readonly expiryTs: number | null;
}

interface TokenRow {
  token: string;
  uses_allowed: number | null;
  pending: number;
  completed: number;
  expiry_ts: number | null;
}

function tokenOf(row: TokenRow): RegistrationToken {
  const { token, pending, completed } = row;
  return { token, usesAllowed: row.uses_allowed, pending, completed, expiryTs: row.expiry_ts };
}

/** Whether somebody could register with it now. */
export function isValid({ usesAllowed, pending, completed, expiryTs }: RegistrationToken, now: number): boolean {
  return (expiryTs === null || expiryTs >= now) && (usesAllowed === null || pending + completed < usesAllowed);
}

export async function readTokens(db: Db): Promise<RegistrationToken[]> {
  const rows = await db.all(
    sql<TokenRow>`SELECT token, uses_allowed, pending, completed, expiry_ts FROM registration_tokens ORDER BY token`,
  );
  return rows.map(tokenOf);
}

export async function readToken(db: Db, token: string): Promise<RegistrationToken | undefined> {
  const row = await db.get(
    sql<TokenRow>`SELECT token, uses_allowed, pending, completed, expiry_ts FROM registration_tokens WHERE token = ${token}`,
  );
  return row && tokenOf(row);
}

/** False where there is one of that name already. */
export function insertToken(
  database: Database,
  token: Pick<RegistrationToken, 'token' | 'usesAllowed' | 'expiryTs'>,
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const added = await tx.change(sql`INSERT INTO registration_tokens (token, uses_allowed, expiry_ts)
      VALUES (${token.token}, ${token.usesAllowed}, ${token.expiryTs}) ON CONFLICT (token) DO NOTHING`);
    return added > 0;
  });
}

/** Changes what is given. Undefined where there is no such token. */
export function updateToken(
  database: Database,
  token: string,
  changes: { readonly usesAllowed?: number | null; readonly expiryTs?: number | null },
): Promise<RegistrationToken | undefined> {
  return database.transaction(async (tx) => {
    const before = await readToken(tx, token);
    if (!before) return undefined;
    const after = { ...before, ...changes };
    tx.run(sql`UPDATE registration_tokens SET uses_allowed = ${after.usesAllowed}, expiry_ts = ${after.expiryTs}
      WHERE token = ${token}`);
    return after;
  });
}

/** False where there is no such token. */
export function deleteToken(database: Database, token: string): Promise<boolean> {
  return database.transaction(async (tx) => (await tx.change(sql`DELETE FROM registration_tokens WHERE token = ${token}`)) > 0);
}

/** Sets one use aside for a registration that has begun. False where the token is not valid. */
export function setUseAside(database: Database, token: string, now: number): Promise<boolean> {
  return database.transaction(async (tx) => {
    const found = await readToken(tx, token);
    if (!found || !isValid(found, now)) return false;
    tx.run(sql`UPDATE registration_tokens SET pending = pending + 1 WHERE token = ${token}`);
    return true;
  });
}

/** A registration for which a use was set aside is over. */
export function endUse(database: Database, token: string, outcome: 'completed' | 'given up'): Promise<void> {
  return database.write((tx) => {
    tx.run(sql`UPDATE registration_tokens SET pending = pending - 1 WHERE token = ${token} AND pending > 0`);
    if (outcome === 'completed') tx.run(sql`UPDATE registration_tokens SET completed = completed + 1 WHERE token = ${token}`);
  });
}
