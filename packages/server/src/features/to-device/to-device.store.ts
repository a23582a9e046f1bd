import { hash } from 'node:crypto';

import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Database, type Db, type Tx } from '../../platform/database/index.ts';

/** A message that waits for a device. */
export interface WaitingMessage {
  readonly position: number;
  /** The JSON that the client gets: `type`, `sender`, `content`. */
  readonly message: string;
}

/** A message on its way into a device's inbox. */
export interface InboxRow extends WaitingMessage {
  readonly userNid: number;
  readonly deviceId: DeviceId;
}

/** The oldest of what waits for a device after `since` and not after `upTo`. */
export function waitingMessages(
  db: Db,
  device: { readonly userNid: number; readonly deviceId: DeviceId },
  range: { readonly since: number; readonly upTo: number },
  limit: number,
): Promise<WaitingMessage[]> {
  return db.all(sql<WaitingMessage>`SELECT position, message FROM to_device_inbox
    WHERE user_nid = ${device.userNid} AND device_id = ${device.deviceId} AND position > ${range.since} AND position <= ${range.upTo}
    ORDER BY position LIMIT ${limit}`);
}

/** Whether anything waits for a device up to a position. */
export async function anythingWaits(db: Db, userNid: number, deviceId: DeviceId, upTo: number): Promise<boolean> {
  const row = await db.get(sql<{ position: number }>`SELECT position FROM to_device_inbox
    WHERE user_nid = ${userNid} AND device_id = ${deviceId} AND position <= ${upTo} LIMIT 1`);
  return row !== undefined;
}

/** Puts messages into inboxes. One whose device is gone by then is left out: nobody would ever take it away. */
export function putMessages(tx: Tx, rows: readonly InboxRow[]): void {
  const [first] = rows;
  const last = rows.at(-1);
  if (!first || !last) return;
  tx.insertMany(
    'to_device_inbox',
    ['position', 'user_nid', 'device_id', 'message'],
    rows.map(({ position, userNid, deviceId, message }) => [position, userNid, deviceId, message]),
  );
  // Not as NOT EXISTS: without statistics PostgreSQL reads all devices for that.
  tx.run(sql`DELETE FROM to_device_inbox WHERE position >= ${first.position} AND position <= ${last.position} AND (
    SELECT created_ts FROM devices WHERE devices.user_nid = to_device_inbox.user_nid AND devices.device_id = to_device_inbox.device_id
  ) IS NULL`);
}

/** Takes out of a device's inbox what came up to a position. */
export function takeMessages(tx: Tx, userNid: number, deviceId: DeviceId, upTo: number): void {
  tx.run(sql`DELETE FROM to_device_inbox
    WHERE user_nid = ${userNid} AND device_id = ${deviceId} AND position <= ${upTo}`);
}

/** Empties the inboxes of some of a user's devices. */
export function takeAllMessages(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
  tx.run(sql`DELETE FROM to_device_inbox WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)}`);
}

/** Up to where positions may have been given out in an earlier life of the server; 0 at first. */
export async function reservedPosition(db: Db): Promise<number> {
  const row = await db.get(sql<{ reserved: number }>`SELECT reserved FROM to_device_positions WHERE id = 1`);
  return row?.reserved ?? 0;
}

/** Notes that positions up to there may be given out. */
export function putReservedPosition(tx: Tx, reserved: number): void {
  tx.run(sql`INSERT INTO to_device_positions (id, reserved) VALUES (1, ${reserved})
    ON CONFLICT (id) DO UPDATE SET reserved = excluded.reserved`);
}

/** What makes a client's transaction id its own: the device and the path, which here means the type. */
export interface SendingScope {
  readonly userNid: number;
  /** Empty for tokens that belong to no device. */
  readonly deviceId: DeviceId;
  readonly type: string;
  readonly txnId: string;
}

/** Bytes of a hash: enough that no two requests of a day ever meet. */
const scopeBytes = 12;

function hashOf({ userNid, deviceId, type, txnId }: SendingScope): Uint8Array {
  return hash('sha256', JSON.stringify([userNid, deviceId, type, txnId]), 'buffer').subarray(0, scopeBytes);
}

/** Whether the request with this transaction id has been carried out. */
export async function wasSent(db: Db, scope: SendingScope): Promise<boolean> {
  const row = await db.get(sql<{ sent_ts: number }>`SELECT sent_ts FROM to_device_transactions WHERE scope = ${hashOf(scope)}`);
  return row !== undefined;
}

/** Notes, in the write of its messages, that a request is carried out. */
export function rememberSending(tx: Tx, scope: SendingScope, now: number): void {
  tx.run(sql`INSERT INTO to_device_transactions (scope, sent_ts) VALUES (${hashOf(scope)}, ${now})`);
}

/** Forgets requests from before a moment (milliseconds since 1970), and messages of other servers from before another. */
export async function forgetOld(database: Database, before: { readonly sent: number; readonly received: number }): Promise<void> {
  await database.write((tx) => {
    tx.run(sql`DELETE FROM to_device_transactions WHERE sent_ts < ${before.sent}`);
    tx.run(sql`DELETE FROM to_device_received WHERE received_ts < ${before.received}`);
  });
}
