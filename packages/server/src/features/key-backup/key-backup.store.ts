import { type Db, inList, sql, sqlPart, type Tx } from '../../platform/database/index.ts';
import type { KeyStanding } from './better-key.ts';

/** One of a user's backups. */
export interface Backup {
  readonly version: number;
  /** Where its keys are; with the user's number the name of a store. */
  readonly store: number;
  /** How often its keys have changed. */
  readonly etag: number;
  readonly count: number;
  readonly algorithm: string;
  /** JSON. */
  readonly authData: string;
}

/** The keys of one backup. */
export interface Store {
  readonly userNid: number;
  readonly store: number;
}

/** A key as it is stored. */
export interface StoredKey extends KeyStanding {
  readonly roomNid: number;
  readonly sessionId: string;
  /** JSON. */
  readonly sessionData: string;
}

interface BackupRow {
  version: number;
  store: number;
  etag: number;
  key_count: number;
  algorithm: string;
  auth_data: string;
}

interface StandingRow {
  room_nid: number;
  session_id: string;
  first_message_index: number;
  forwarded_count: number;
  is_verified: number;
}

const backupColumns = sqlPart('version, store, etag, key_count, algorithm, auth_data');
const keyColumns = [
  'user_nid',
  'store',
  'room_nid',
  'session_id',
  'first_message_index',
  'forwarded_count',
  'is_verified',
  'session_data',
] as const;

/** One list of a statement has no more values than this. */
const valuesAtOnce = 10_000;

/** The numbers that were given last; 0 where none was. */
export async function readNumbers(
  db: Db,
  userNid: number,
): Promise<{ readonly lastVersion: number; readonly lastStore: number }> {
  const row = await db.get(
    sql<{ last_version: number; last_store: number }>`SELECT last_version, last_store FROM key_backup_numbers
      WHERE user_nid = ${userNid}`,
  );
  return { lastVersion: row?.last_version ?? 0, lastStore: row?.last_store ?? 0 };
}

export function putNumbers(tx: Tx, userNid: number, lastVersion: number, lastStore: number): void {
  tx.run(sql`INSERT INTO key_backup_numbers (user_nid, last_version, last_store) VALUES (${userNid}, ${lastVersion}, ${lastStore})
    ON CONFLICT (user_nid) DO UPDATE SET last_version = excluded.last_version, last_store = excluded.last_store`);
}

export async function newestBackup(db: Db, userNid: number): Promise<Backup | undefined> {
  const row = await db.get(
    sql<BackupRow>`SELECT ${backupColumns} FROM key_backups WHERE user_nid = ${userNid} ORDER BY version DESC LIMIT 1`,
  );
  return row && backupOf(row);
}

export async function readBackup(db: Db, userNid: number, version: number): Promise<Backup | undefined> {
  const row = await db.get(
    sql<BackupRow>`SELECT ${backupColumns} FROM key_backups WHERE user_nid = ${userNid} AND version = ${version}`,
  );
  return row && backupOf(row);
}

export async function countBackups(db: Db, userNid: number): Promise<number> {
  const row = await db.get(sql<{ count: number }>`SELECT COUNT(*) AS count FROM key_backups WHERE user_nid = ${userNid}`);
  return row?.count ?? 0;
}

export function insertBackup(tx: Tx, userNid: number, backup: Backup): void {
  const { version, store, etag, count, algorithm, authData } = backup;
  tx.run(sql`INSERT INTO key_backups (user_nid, version, store, etag, key_count, algorithm, auth_data)
    VALUES (${userNid}, ${version}, ${store}, ${etag}, ${count}, ${algorithm}, ${authData})`);
}

export function updateAuthData(tx: Tx, userNid: number, version: number, authData: string): void {
  tx.run(sql`UPDATE key_backups SET auth_data = ${authData} WHERE user_nid = ${userNid} AND version = ${version}`);
}

/** Notes that the keys have changed. */
export function updateKeysOf(tx: Tx, userNid: number, { version, store, etag, count }: Omit<Backup, 'algorithm' | 'authData'>) {
  tx.run(sql`UPDATE key_backups SET store = ${store}, etag = ${etag}, key_count = ${count}
    WHERE user_nid = ${userNid} AND version = ${version}`);
}

/** Leaves a store to be cleared away. */
export function leaveStore(tx: Tx, { userNid, store }: Store): void {
  tx.run(sql`INSERT INTO key_backup_leftovers (user_nid, store) VALUES (${userNid}, ${store})`);
}

export function deleteBackup(tx: Tx, userNid: number, version: number): void {
  tx.run(sql`DELETE FROM key_backups WHERE user_nid = ${userNid} AND version = ${version}`);
}

/** Deletes all backups of a user and leaves their stores to be cleared away. */
export function deleteBackups(tx: Tx, userNid: number): void {
  tx.run(
    sql`INSERT INTO key_backup_leftovers (user_nid, store) SELECT user_nid, store FROM key_backups WHERE user_nid = ${userNid}`,
  );
  tx.run(sql`DELETE FROM key_backups WHERE user_nid = ${userNid}`);
}

/** What is told of the keys of these sessions, in whichever rooms, by `keyName`. */
export async function readStandings(
  db: Db,
  { userNid, store }: Store,
  sessionIds: readonly string[],
): Promise<Map<string, KeyStanding>> {
  const standings = new Map<string, KeyStanding>();
  for (let start = 0; start < sessionIds.length; start += valuesAtOnce) {
    const some = sessionIds.slice(start, start + valuesAtOnce);
    const rows = await db.all(
      sql<StandingRow>`SELECT room_nid, session_id, first_message_index, forwarded_count, is_verified FROM key_backup_keys
        WHERE user_nid = ${userNid} AND store = ${store} AND session_id ${inList(some)}`,
    );
    for (const row of rows) standings.set(keyName(row.room_nid, row.session_id), standingOf(row));
  }
  return standings;
}

/** The name of a key within its store. */
export function keyName(roomNid: number, sessionId: string): string {
  return `${roomNid} ${sessionId}`;
}

/** Stores keys, in place of those that are there. */
export function putKeys(tx: Tx, { userNid, store }: Store, keys: readonly StoredKey[]): void {
  tx.insertMany(
    'key_backup_keys',
    keyColumns,
    keys.map((key) => [
      userNid,
      store,
      key.roomNid,
      key.sessionId,
      key.firstMessageIndex,
      key.forwardedCount,
      key.isVerified,
      key.sessionData,
    ]),
    `(user_nid, store, session_id, room_nid) DO UPDATE SET first_message_index = excluded.first_message_index,
      forwarded_count = excluded.forwarded_count, is_verified = excluded.is_verified, session_data = excluded.session_data`,
  );
}

export async function countKeys(db: Db, { userNid, store }: Store, roomNid: number): Promise<number> {
  const row = await db.get(
    sql<{ count: number }>`SELECT COUNT(*) AS count FROM key_backup_keys
      WHERE user_nid = ${userNid} AND store = ${store} AND room_nid = ${roomNid}`,
  );
  return row?.count ?? 0;
}

export function deleteKeysOfRoom(tx: Tx, { userNid, store }: Store, roomNid: number): void {
  tx.run(sql`DELETE FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store} AND room_nid = ${roomNid}`);
}

export function deleteKey(tx: Tx, { userNid, store }: Store, roomNid: number, sessionId: string): void {
  tx.run(sql`DELETE FROM key_backup_keys
    WHERE user_nid = ${userNid} AND store = ${store} AND session_id = ${sessionId} AND room_nid = ${roomNid}`);
}

const fullColumns = sqlPart('room_nid, session_id, first_message_index, forwarded_count, is_verified, session_data');
type KeyRow = StandingRow & { session_data: string };

export async function readKey(
  db: Db,
  { userNid, store }: Store,
  roomNid: number,
  sessionId: string,
): Promise<StoredKey | undefined> {
  const row = await db.get(
    sql<KeyRow>`SELECT ${fullColumns} FROM key_backup_keys
      WHERE user_nid = ${userNid} AND store = ${store} AND session_id = ${sessionId} AND room_nid = ${roomNid}`,
  );
  return row && keyOf(row);
}

/** The next keys after one, room by room. */
export async function readKeys(
  db: Db,
  { userNid, store }: Store,
  after: { readonly roomNid: number; readonly sessionId: string },
  limit: number,
): Promise<StoredKey[]> {
  const rows = await db.all(
    sql<KeyRow>`SELECT ${fullColumns} FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store}
      AND (room_nid, session_id) > (${after.roomNid}, ${after.sessionId}) ORDER BY room_nid, session_id LIMIT ${limit}`,
  );
  return rows.map(keyOf);
}

/** The next keys of one room after that of a session. */
export async function readKeysOfRoom(
  db: Db,
  { userNid, store }: Store,
  after: { readonly roomNid: number; readonly sessionId: string },
  limit: number,
): Promise<StoredKey[]> {
  const rows = await db.all(
    sql<KeyRow>`SELECT ${fullColumns} FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store}
      AND room_nid = ${after.roomNid} AND session_id > ${after.sessionId} ORDER BY session_id LIMIT ${limit}`,
  );
  return rows.map(keyOf);
}

/** Some of the stores that wait to be cleared away. */
export async function readLeftovers(db: Db, limit: number): Promise<Store[]> {
  const rows = await db.all(
    sql<{
      user_nid: number;
      store: number;
    }>`SELECT user_nid, store FROM key_backup_leftovers ORDER BY user_nid, store LIMIT ${limit}`,
  );
  return rows.map(({ user_nid, store }) => ({ userNid: user_nid, store }));
}

/** Deletes up to `limit` sessions of a store. */
export function deleteSomeKeys(tx: Tx, { userNid, store }: Store, limit: number): void {
  tx.run(sql`DELETE FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store} AND session_id IN (
    SELECT session_id FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store} ORDER BY session_id LIMIT ${limit})`);
}

export async function isEmptyStore(db: Db, { userNid, store }: Store): Promise<boolean> {
  const query = sql`SELECT 1 AS one FROM key_backup_keys WHERE user_nid = ${userNid} AND store = ${store} LIMIT 1`;
  return (await db.get(query)) === undefined;
}

export function deleteLeftover(tx: Tx, { userNid, store }: Store): void {
  tx.run(sql`DELETE FROM key_backup_leftovers WHERE user_nid = ${userNid} AND store = ${store}`);
}

function backupOf(row: BackupRow): Backup {
  return {
    version: row.version,
    store: row.store,
    etag: row.etag,
    count: row.key_count,
    algorithm: row.algorithm,
    authData: row.auth_data,
  };
}

function standingOf(row: StandingRow): KeyStanding {
  return {
    firstMessageIndex: row.first_message_index,
    forwardedCount: row.forwarded_count,
    isVerified: row.is_verified === 1,
  };
}

function keyOf(row: KeyRow): StoredKey {
  return { ...standingOf(row), roomNid: row.room_nid, sessionId: row.session_id, sessionData: row.session_data };
}
