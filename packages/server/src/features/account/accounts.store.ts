import { localpartOf, type UserId } from '@myelin/protocol/identifiers';

import { type Db, type Query, sql, sqlPart, type Tx } from '../../platform/database/index.ts';
import type { Account, AccountChanges, NewAccount } from './account.ts';

const columns = sqlPart(
  `u.user_nid, u.localpart, u.created_ts, u.is_guest, u.admin, u.deactivated, u.erased, u.locked, u.suspended, u.shadow_banned,
   u.approved, u.user_type, u.appservice_id, u.consent_version, n.text AS user_id`,
);

interface AccountRow {
  user_nid: number;
  user_id: string;
  localpart: string;
  created_ts: number;
  is_guest: number;
  admin: number;
  deactivated: number;
  erased: number;
  locked: number;
  suspended: number;
  shadow_banned: number;
  approved: number;
  user_type: string | null;
  appservice_id: string | null;
  consent_version: string | null;
}

function accountOf(row: AccountRow): Account {
  return {
    userNid: row.user_nid,
    userId: row.user_id as UserId,
    localpart: row.localpart,
    createdTs: row.created_ts,
    isGuest: row.is_guest === 1,
    isAdmin: row.admin === 1,
    isDeactivated: row.deactivated === 1,
    isErased: row.erased === 1,
    isLocked: row.locked === 1,
    isSuspended: row.suspended === 1,
    isShadowBanned: row.shadow_banned === 1,
    isApproved: row.approved === 1,
    ...(row.user_type !== null && { userType: row.user_type }),
    ...(row.appservice_id !== null && { appserviceId: row.appservice_id }),
    ...(row.consent_version !== null && { consentVersion: row.consent_version }),
  };
}

/** The account of that interned user id. */
export async function readAccount(db: Db, userNid: number): Promise<Account | undefined> {
  const row = await db.get(
    sql<AccountRow>`SELECT ${columns} FROM users u JOIN names n ON n.id = u.user_nid WHERE u.user_nid = ${userNid}`,
  );
  return row && accountOf(row);
}

/** Those accounts whose localpart is this one but for capital letters. */
export async function readAccountsIgnoringCase(db: Db, localpart: string): Promise<Account[]> {
  const rows = await db.all(
    sql<AccountRow>`SELECT ${columns} FROM users u JOIN names n ON n.id = u.user_nid WHERE lower(u.localpart) = lower(${localpart})`,
  );
  return rows.map(accountOf);
}

/** Accounts that were deactivated and still have rooms to leave. */
export async function readPartingAccounts(db: Db): Promise<Account[]> {
  const rows = await db.all(
    sql<AccountRow>`SELECT ${columns} FROM users u JOIN names n ON n.id = u.user_nid WHERE u.parting = 1`,
  );
  return rows.map(accountOf);
}

/** Undefined where there is no such account, or it has no password. */
export async function readPasswordHash(db: Db, userNid: number): Promise<string | undefined> {
  const row = await db.get(sql<{ password_hash: string | null }>`SELECT password_hash FROM users WHERE user_nid = ${userNid}`);
  return row?.password_hash ?? undefined;
}

/** Adds an account. The write fails with a `ConstraintError` of kind `unique` when there is one of that name. */
export function insertAccount(tx: Tx, account: NewAccount & { readonly userNid: number; readonly createdTs: number }): void {
  tx.run(sql`INSERT INTO users
    (user_nid, localpart, password_hash, created_ts, is_guest, admin, approved, user_type, appservice_id, consent_version, consent_ts)
    VALUES (${account.userNid}, ${localpartOf(account.userId)}, ${account.passwordHash ?? null}, ${account.createdTs},
      ${account.isGuest ?? false}, ${account.isAdmin ?? false}, ${account.isApproved ?? true}, ${account.userType ?? null},
      ${account.appserviceId ?? null}, ${account.consent?.version ?? null}, ${account.consent?.ts ?? null})`);
}

/** Writes what is to be different. */
export function updateAccount(tx: Tx, userNid: number, changes: AccountChanges): void {
  const statements: (Query | undefined)[] = [
    setFlag(changes.isGuest, (value) => sql`UPDATE users SET is_guest = ${value} WHERE user_nid = ${userNid}`),
    setFlag(changes.isAdmin, (value) => sql`UPDATE users SET admin = ${value} WHERE user_nid = ${userNid}`),
    setFlag(changes.isLocked, (value) => sql`UPDATE users SET locked = ${value} WHERE user_nid = ${userNid}`),
    setFlag(changes.isSuspended, (value) => sql`UPDATE users SET suspended = ${value} WHERE user_nid = ${userNid}`),
    setFlag(changes.isShadowBanned, (value) => sql`UPDATE users SET shadow_banned = ${value} WHERE user_nid = ${userNid}`),
    setFlag(changes.isApproved, (value) => sql`UPDATE users SET approved = ${value} WHERE user_nid = ${userNid}`),
    changes.userType === undefined
      ? undefined
      : sql`UPDATE users SET user_type = ${changes.userType} WHERE user_nid = ${userNid}`,
    changes.passwordHash === undefined
      ? undefined
      : sql`UPDATE users SET password_hash = ${changes.passwordHash} WHERE user_nid = ${userNid}`,
    changes.consent &&
      sql`UPDATE users SET consent_version = ${changes.consent.version}, consent_ts = ${changes.consent.ts} WHERE user_nid = ${userNid}`,
  ];
  for (const statement of statements) if (statement) tx.run(statement);
}

function setFlag(value: boolean | undefined, statement: (value: boolean) => Query): Query | undefined {
  return value === undefined ? undefined : statement(value);
}

/** Ends an account for good; `parting` until it has left its rooms. */
export function markDeactivated(tx: Tx, userNid: number, erase: boolean): void {
  tx.run(sql`UPDATE users SET deactivated = 1, parting = 1, admin = 0, password_hash = NULL WHERE user_nid = ${userNid}`);
  if (erase) tx.run(sql`UPDATE users SET erased = 1 WHERE user_nid = ${userNid}`);
}

/** A deactivated account has left its rooms. */
export function markParted(tx: Tx, userNid: number): void {
  tx.run(sql`UPDATE users SET parting = 0 WHERE user_nid = ${userNid}`);
}

/** Whether no person had an account here before this one; guests and users of application services do not count. */
export async function isFirstUser(db: Db, { userNid, createdTs }: Account): Promise<boolean> {
  const earlier = await db.get(sql`SELECT 1 FROM users WHERE is_guest = 0 AND appservice_id IS NULL
    AND (created_ts < ${createdTs} OR (created_ts = ${createdTs} AND user_nid < ${userNid})) LIMIT 1`);
  return earlier === undefined;
}
