import type { DeviceId } from '@myelin/protocol/identifiers';

import { type Db, inList, sql, type Tx } from '../../../platform/database/index.ts';

/** The identity keys of a device as others get them. */
export interface PublishedDevice {
  readonly userNid: number;
  readonly deviceId: DeviceId;
  /** JSON, with the signatures that everybody may see, without `unsigned`. */
  readonly keys: string;
  /** What its user calls it. */
  readonly displayName?: string;
}

interface DeviceRow {
  user_nid: number;
  device_id: DeviceId;
  keys: string;
  display_name: string | null;
}

/** A larger question is split: one statement must not hold up the others. */
const usersAtOnce = 1000;

/**
 * All devices of these users that have keys, a user's devices in the order of their ids. Their names come from the table of
 * features/devices in the same statement: a query of 10,000 users must not ask for each.
 */
export async function readDeviceKeys(db: Db, userNids: readonly number[]): Promise<PublishedDevice[]> {
  const devices: PublishedDevice[] = [];
  for (let start = 0; start < userNids.length; start += usersAtOnce) {
    const some = userNids.slice(start, start + usersAtOnce);
    // Not as a join: PostgreSQL would read all devices for many users, or for few where it has no statistics.
    const rows = await db.all(sql<DeviceRow>`SELECT k.user_nid, k.device_id, k.keys,
        (SELECT d.display_name FROM devices d WHERE d.user_nid = k.user_nid AND d.device_id = k.device_id) AS display_name
      FROM device_keys k WHERE k.user_nid ${inList(some)} ORDER BY k.user_nid, k.device_id`);
    for (const row of rows) {
      devices.push({
        userNid: row.user_nid,
        deviceId: row.device_id,
        keys: row.keys,
        ...(row.display_name !== null && { displayName: row.display_name }),
      });
    }
  }
  return devices;
}

/** The JSON of one device's identity keys; undefined where it has none. */
export async function readKeysOfDevice(db: Db, userNid: number, deviceId: DeviceId): Promise<string | undefined> {
  const row = await db.get(
    sql<{ keys: string }>`SELECT keys FROM device_keys WHERE user_nid = ${userNid} AND device_id = ${deviceId}`,
  );
  return row?.keys;
}

/** Whether one of the user's devices, with keys or without, has this id; within a transaction, so that it stays so. */
export async function isDeviceOf(db: Db, userNid: number, deviceId: string): Promise<boolean> {
  const row = await db.get(sql`SELECT 1 FROM devices WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
  return row !== undefined;
}

/** Keeps the JSON of a device's identity keys instead of what was there. */
export function putDeviceKeys(
  tx: Tx,
  device: { readonly userNid: number; readonly deviceId: DeviceId; readonly keys: string },
): void {
  tx.run(sql`INSERT INTO device_keys (user_nid, device_id, keys) VALUES (${device.userNid}, ${device.deviceId}, ${device.keys})
    ON CONFLICT (user_nid, device_id) DO UPDATE SET keys = excluded.keys`);
}

export function removeDeviceKeys(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
  tx.run(sql`DELETE FROM device_keys WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)}`);
}
