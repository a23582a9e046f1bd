import type { DeviceId } from '@myelin/protocol/identifiers';

import { type Db, inList, type InteractiveTx, sql, type Tx } from '../../platform/database/index.ts';

/** One of a user's devices, as the user sees it. */
export interface Device {
  readonly deviceId: DeviceId;
  readonly displayName?: string;
  readonly lastSeen?: Sighting;
}

/** When and from where a device was last used. */
export interface Sighting {
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly ip: string;
  readonly userAgent: string;
}

interface DeviceRow {
  device_id: DeviceId;
  display_name: string | null;
  last_seen_ts: number | null;
  last_seen_ip: string | null;
  last_seen_user_agent: string | null;
}

function deviceOf(row: DeviceRow): Device {
  return {
    deviceId: row.device_id,
    ...(row.display_name !== null && { displayName: row.display_name }),
    ...(row.last_seen_ts !== null && {
      lastSeen: { ts: row.last_seen_ts, ip: row.last_seen_ip ?? '', userAgent: row.last_seen_user_agent ?? '' },
    }),
  };
}

export async function readDevices(db: Db, userNid: number): Promise<Device[]> {
  const rows = await db.all(sql<DeviceRow>`SELECT device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent
    FROM devices WHERE user_nid = ${userNid} ORDER BY created_ts, device_id`);
  return rows.map(deviceOf);
}

export async function readDevice(db: Db, userNid: number, deviceId: DeviceId): Promise<Device | undefined> {
  const row = await db.get(sql<DeviceRow>`SELECT device_id, display_name, last_seen_ts, last_seen_ip, last_seen_user_agent
    FROM devices WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
  return row && deviceOf(row);
}

/** The ids of the devices of some users. */
export async function readDeviceIds(db: Db, userNids: readonly number[]): Promise<Map<number, DeviceId[]>> {
  const rows = await db.all(sql<{ user_nid: number; device_id: DeviceId }>`SELECT user_nid, device_id FROM devices
    WHERE user_nid ${inList(userNids)}`);
  const ids = Map.groupBy(rows, (row) => row.user_nid);
  return new Map(Array.from(ids, ([userNid, ofUser]) => [userNid, ofUser.map((row) => row.device_id)]));
}

/** Makes the device if it is not there; one that is there keeps its name. */
export function insertDevice(
  tx: Tx,
  device: { readonly userNid: number; readonly deviceId: DeviceId; readonly displayName?: string; readonly ts: number },
): void {
  tx.run(sql`INSERT INTO devices (user_nid, device_id, display_name, created_ts)
    VALUES (${device.userNid}, ${device.deviceId}, ${device.displayName ?? null}, ${device.ts})
    ON CONFLICT (user_nid, device_id) DO NOTHING`);
}

export function updateDisplayName(tx: Tx, userNid: number, deviceId: DeviceId, displayName: string): void {
  tx.run(sql`UPDATE devices SET display_name = ${displayName} WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
}

export function updateLastSeen(tx: Tx, userNid: number, deviceId: DeviceId, { ts, ip, userAgent }: Sighting): void {
  tx.run(sql`UPDATE devices SET last_seen_ts = ${ts}, last_seen_ip = ${ip}, last_seen_user_agent = ${userAgent}
    WHERE user_nid = ${userNid} AND device_id = ${deviceId}`);
}

/** Removes those devices and tells which of them there were. */
export async function removeDevices(
  tx: InteractiveTx,
  userNid: number,
  deviceIds: readonly DeviceId[] | 'all',
): Promise<DeviceId[]> {
  const removed =
    deviceIds === 'all'
      ? await tx.all(sql<{ device_id: DeviceId }>`DELETE FROM devices WHERE user_nid = ${userNid} RETURNING device_id`)
      : await tx.all(sql<{ device_id: DeviceId }>`DELETE FROM devices
          WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)} RETURNING device_id`);
  return removed.map(({ device_id }) => device_id);
}

/** Devices that were last seen before `beforeTs`, those that waited longest first. */
export async function readStaleDevices(
  db: Db,
  beforeTs: number,
  limit: number,
): Promise<{ readonly userNid: number; readonly deviceId: DeviceId }[]> {
  const rows = await db.all(sql<{ user_nid: number; device_id: DeviceId }>`SELECT user_nid, device_id FROM devices
    WHERE last_seen_ts < ${beforeTs} ORDER BY last_seen_ts LIMIT ${limit}`);
  return rows.map((row) => ({ userNid: row.user_nid, deviceId: row.device_id }));
}

/** Forgets from where devices were used that were last used before `beforeTs`. */
export function forgetAddresses(tx: Tx, beforeTs: number): void {
  tx.run(sql`UPDATE devices SET last_seen_ip = NULL, last_seen_user_agent = NULL
    WHERE last_seen_ts < ${beforeTs} AND last_seen_ip IS NOT NULL`);
}
