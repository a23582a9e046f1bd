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
  name: string;
  first_message_index: number;
  forwarded_count: number;
  is_verified: number;
}

const backupColumns = sqlPart('version, store, etag, key_count, algorithm, auth_data');
const keyColumns = ['name', 'first_message_index', 'forwarded_count', 'is_verified', 'session_data'] as const;

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

/** What is told of those of these keys that there are, by their names. */
export async function readStandings(db: Db, names: readonly string[]): Promise<Map<string, KeyStanding>> {
  const standings = new Map<string, KeyStanding>();
  for (let start = 0; start < names.length; start += valuesAtOnce) {
    const rows = await db.all(
      sql<StandingRow>`SELECT name, first_message_index, forwarded_count, is_verified FROM key_backup_keys
        WHERE name ${inList(names.slice(start, start + valuesAtOnce))}`,
    );
    for (const row of rows) standings.set(row.name, standingOf(row));
  }
  return standings;
}

/** The name of a key among those of all users. */
export function keyName({ userNid, store }: Store, roomNid: number, sessionId: string): string {
  return `${userNid}.${store}.${roomNid}.${sessionId}`;
}

/** The names of a store's keys, or of those of one room in it: greater than the first of these, less than the second. */
function rangeOf({ userNid, store }: Store, roomNid?: number): readonly [above: string, below: string] {
  const prefix = roomNid === undefined ? `${userNid}.${store}` : `${userNid}.${store}.${roomNid}`;
  // The full stop comes right before the slash.
  return [`${prefix}.`, `${prefix}/`];
}

/** Stores keys, in place of those that are there. */
export function putKeys(tx: Tx, store: Store, keys: readonly StoredKey[]): void {
  tx.insertMany(
    'key_backup_keys',
    keyColumns,
    keys.map((key) => [
      keyName(store, key.roomNid, key.sessionId),
      key.firstMessageIndex,
      key.forwardedCount,
      key.isVerified,
      key.sessionData,
    ]),
    `(name) DO UPDATE SET first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
      is_verified = excluded.is_verified, session_data = excluded.session_data`,
  );
}

export async function countKeys(db: Db, store: Store, roomNid: number): Promise<number> {
  const [above, below] = rangeOf(store, roomNid);
  const row = await db.get(
    sql<{ count: number }>`SELECT COUNT(*) AS count FROM key_backup_keys WHERE name > ${above} AND name < ${below}`,
  );
  return row?.count ?? 0;
}

export function deleteKeysOfRoom(tx: Tx, store: Store, roomNid: number): void {
  const [above, below] = rangeOf(store, roomNid);
  tx.run(sql`DELETE FROM key_backup_keys WHERE name > ${above} AND name < ${below}`);
}

export function deleteKey(tx: Tx, store: Store, roomNid: number, sessionId: string): void {
  tx.run(sql`DELETE FROM key_backup_keys WHERE name = ${keyName(store, roomNid, sessionId)}`);
}

const fullColumns = sqlPart('name, first_message_index, forwarded_count, is_verified, session_data');
type KeyRow = StandingRow & { session_data: string };

export async function readKey(db: Db, store: Store, roomNid: number, sessionId: string): Promise<StoredKey | undefined> {
  const row = await db.get(
    sql<KeyRow>`SELECT ${fullColumns} FROM key_backup_keys WHERE name = ${keyName(store, roomNid, sessionId)}`,
  );
  return row && keyOf(row);
}

/** The next keys of a store, or of one room in it, after one; room by room. */
export async function readKeys(
  db: Db,
  store: Store,
  { roomNid, after }: { readonly roomNid?: number | undefined; readonly after?: StoredKey | undefined },
  limit: number,
): Promise<StoredKey[]> {
  const [start, below] = rangeOf(store, roomNid);
  const above = after ? keyName(store, after.roomNid, after.sessionId) : start;
  const rows = await db.all(
    sql<KeyRow>`SELECT ${fullColumns} FROM key_backup_keys WHERE name > ${above} AND name < ${below} ORDER BY name LIMIT ${limit}`,
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

/** Deletes up to `limit` keys of a store. */
export function deleteSomeKeys(tx: Tx, store: Store, limit: number): void {
  const [above, below] = rangeOf(store);
  tx.run(sql`DELETE FROM key_backup_keys WHERE name IN (
    SELECT name FROM key_backup_keys WHERE name > ${above} AND name < ${below} ORDER BY name LIMIT ${limit})`);
}

export async function isEmptyStore(db: Db, store: Store): Promise<boolean> {
  return (await readKeys(db, store, {}, 1)).length === 0;
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

const nameGrammar = /^\d+\.\d+\.(\d+)\.(.*)$/s;

function keyOf(row: KeyRow): StoredKey {
  const [, roomNid, sessionId] = nameGrammar.exec(row.name) ?? [];
  if (roomNid === undefined || sessionId === undefined) throw new Error(`${row.name} is no name of a key`);
  return { ...standingOf(row), roomNid: Number(roomNid), sessionId, sessionData: row.session_data };
}
