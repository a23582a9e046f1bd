import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';
import type { RemoteDevice, RemoteList } from './read-keys.ts';

/** How the list of another server's user is followed. */
export interface FollowedList {
  readonly userNid: number;
  /** -1 where nothing was fetched yet. */
  readonly streamId: number;
  /** What is there may be old. */
  readonly stale: boolean;
  /** A room with this user has ended; whether another is left has not been looked up yet. */
  readonly doubtful: boolean;
  readonly attempts: number;
  readonly master: string | undefined;
  readonly selfSigning: string | undefined;
}

interface ListRow {
  user_nid: number;
  stream_id: number;
  stale: number;
  doubtful: number;
  attempts: number;
  master: string | null;
  self_signing: string | null;
}

/** A larger question is split: one statement must not hold up the others. */
const usersAtOnce = 1000;

/** Those of the users whose lists are followed. */
export async function readLists(db: Db, userNids: readonly number[]): Promise<Map<number, FollowedList>> {
  const found = new Map<number, FollowedList>();
  for (const some of inPieces(userNids)) {
    const rows = await db.all<ListRow>(
      sql`SELECT user_nid, stream_id, stale, doubtful, attempts, master, self_signing FROM remote_device_lists
          WHERE user_nid ${inList(some)}`,
    );
    for (const row of rows) {
      found.set(row.user_nid, {
        userNid: row.user_nid,
        streamId: row.stream_id,
        stale: row.stale === 1,
        doubtful: row.doubtful === 1,
        attempts: row.attempts,
        master: row.master ?? undefined,
        selfSigning: row.self_signing ?? undefined,
      });
    }
  }
  return found;
}

/** The devices of these users, in the order of their ids. */
export async function readRemoteDevices(db: Db, userNids: readonly number[]): Promise<Map<number, RemoteDevice[]>> {
  const found = new Map<number, RemoteDevice[]>();
  for (const some of inPieces(userNids)) {
    const rows = await db.all<{ user_nid: number; device_id: DeviceId; keys: string; display_name: string | null }>(
      sql`SELECT user_nid, device_id, keys, display_name FROM remote_devices
          WHERE user_nid ${inList(some)} ORDER BY user_nid, device_id`,
    );
    for (const row of rows) {
      const devices = found.get(row.user_nid) ?? [];
      devices.push({ deviceId: row.device_id, keys: row.keys, displayName: row.display_name ?? undefined });
      found.set(row.user_nid, devices);
    }
  }
  return found;
}

/** Begins to follow lists: they are stale until they are fetched. Those that are followed already stay as they are. */
export function follow(tx: Tx, users: readonly { readonly userNid: number; readonly serverNid: number }[]): void {
  tx.insertMany(
    'remote_device_lists',
    ['user_nid', 'server_nid', 'stream_id', 'stale', 'doubtful', 'attempts', 'retry_ts'],
    users.map(({ userNid, serverNid }) => [userNid, serverNid, -1, 1, 0, 0, 0]),
    '(user_nid) DO NOTHING',
  );
}

/** Stops following lists. */
export function unfollow(tx: Tx, userNids: readonly number[]): void {
  tx.run(sql`DELETE FROM remote_device_lists WHERE user_nid ${inList(userNids)}`);
  tx.run(sql`DELETE FROM remote_devices WHERE user_nid ${inList(userNids)}`);
}

/** Something was missed: what is there is not to be believed until it is fetched again. */
export function markStale(tx: Tx, userNid: number): void {
  tx.run(sql`UPDATE remote_device_lists SET stale = 1, attempts = 0, retry_ts = 0 WHERE user_nid = ${userNid}`);
}

/** The same for all lists of a server. */
export function markServerStale(tx: Tx, serverNid: number): void {
  tx.run(sql`UPDATE remote_device_lists SET stale = 1, attempts = 0, retry_ts = 0 WHERE server_nid = ${serverNid} AND stale = 0`);
}

/** The list could not be fetched; it is tried again then, in milliseconds since 1970. */
export function retryLater(tx: Tx, userNid: number, attempts: number, retryTs: number): void {
  tx.run(sql`UPDATE remote_device_lists SET attempts = ${attempts}, retry_ts = ${retryTs} WHERE user_nid = ${userNid}`);
}

/** The whole list as its server tells it. One that is not followed any more stays forgotten. */
export function putList(tx: Tx, userNid: number, list: RemoteList): void {
  tx.run(sql`UPDATE remote_device_lists SET stream_id = ${list.streamId}, stale = 0, attempts = 0, retry_ts = 0,
    master = ${list.master ?? null}, self_signing = ${list.selfSigning ?? null} WHERE user_nid = ${userNid}`);
  tx.run(sql`DELETE FROM remote_devices WHERE user_nid = ${userNid}`);
  tx.insertMany(
    'remote_devices',
    ['user_nid', 'device_id', 'keys', 'display_name'],
    list.devices.map(({ deviceId, keys, displayName }) => [userNid, deviceId, keys, displayName ?? null]),
  );
}

/** What an update says of one device; without keys it is gone. */
export function putDevice(
  tx: Tx,
  userNid: number,
  streamId: number,
  device: Pick<RemoteDevice, 'deviceId'> & Partial<RemoteDevice>,
): void {
  const { deviceId, keys, displayName } = device;
  if (keys === undefined) tx.run(sql`DELETE FROM remote_devices WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
  else {
    tx.run(sql`INSERT INTO remote_devices (user_nid, device_id, keys, display_name)
      VALUES (${userNid}, ${deviceId}, ${keys}, ${displayName ?? null})
      ON CONFLICT (user_nid, device_id) DO UPDATE SET keys = excluded.keys, display_name = excluded.display_name`);
  }
  tx.run(sql`UPDATE remote_device_lists SET stream_id = ${streamId} WHERE user_nid = ${userNid}`);
}

/** The cross-signing keys as an update says them; those it says nothing of stay. */
export function putCrossSigning(
  tx: Tx,
  userNid: number,
  keys: { master: string | undefined; selfSigning: string | undefined },
): void {
  tx.run(sql`UPDATE remote_device_lists SET master = COALESCE(${keys.master ?? null}, master),
    self_signing = COALESCE(${keys.selfSigning ?? null}, self_signing) WHERE user_nid = ${userNid}`);
}

/** Users whose lists are to be fetched now, those that wait longest first. */
export async function dueLists(db: Db, now: number, limit: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM remote_device_lists WHERE stale = 1 AND retry_ts <= ${now} ORDER BY retry_ts LIMIT ${limit}`,
  );
  return rows.map((row) => row.user_nid);
}

/** Users of a server whose lists are stale. */
export async function staleListsOf(db: Db, serverNid: number, limit: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM remote_device_lists WHERE server_nid = ${serverNid} AND stale = 1 LIMIT ${limit}`,
  );
  return rows.map((row) => row.user_nid);
}

/** A user is gone from a room: perhaps nobody of ours shares one with them now. */
export function doubtUsers(tx: Tx, userNids: readonly number[]): void {
  tx.run(sql`UPDATE remote_device_lists SET doubtful = 1 WHERE user_nid ${inList(userNids)}`);
}

/** The last of ours is gone from a room: perhaps some of its members are in no other. */
export function doubtMembers(tx: Tx, roomNid: number): void {
  tx.run(sql`UPDATE remote_device_lists SET doubtful = 1 WHERE user_nid IN
    (SELECT user_nid FROM memberships WHERE room_nid = ${roomNid} AND membership = 1)`);
}

export async function doubtfulLists(db: Db, limit: number): Promise<number[]> {
  const rows = await db.all<{ user_nid: number }>(
    sql`SELECT user_nid FROM remote_device_lists WHERE doubtful = 1 LIMIT ${limit}`,
  );
  return rows.map((row) => row.user_nid);
}

/** They share rooms with ours after all. */
export function clearDoubts(tx: Tx, userNids: readonly number[], { stale }: { readonly stale: boolean }): void {
  tx.run(sql`UPDATE remote_device_lists SET doubtful = 0 WHERE user_nid ${inList(userNids)}`);
  if (stale) for (const userNid of userNids) markStale(tx, userNid);
}

/**
 * Those of the users who are in a room now in which one of ours is too. One step in the index for each of their rooms: not as EXISTS, for
 * which PostgreSQL would read all memberships of ours; and + 0, because without statistics it prefers an index of all who are joined.
 */
export async function knownToOurs(db: Db, userNids: readonly number[], ourServerNid: number): Promise<Set<number>> {
  const found = new Set<number>();
  for (const some of inPieces(userNids)) {
    const rows = await db.all<{ user_nid: number }>(
      sql`SELECT DISTINCT theirs.user_nid FROM memberships theirs WHERE theirs.user_nid ${inList(some)} AND theirs.membership + 0 = 1
          AND (SELECT ours.user_nid FROM memberships ours WHERE ours.room_nid = theirs.room_nid AND ours.membership = 1
               AND ours.server_nid = ${ourServerNid} LIMIT 1) IS NOT NULL`,
    );
    for (const row of rows) found.add(row.user_nid);
  }
  return found;
}

function* inPieces(userNids: readonly number[]): Iterable<readonly number[]> {
  for (let start = 0; start < userNids.length; start += usersAtOnce) yield userNids.slice(start, start + usersAtOnce);
}
