import type { DeviceId } from '@myelin/protocol/identifiers';

import { type Db, inList, sql, type Tx } from '../../platform/database/index.ts';

/** A device that is kept for its user's other devices to wake. */
export interface DehydratedDevice {
  readonly deviceId: DeviceId;
  /** JSON. */
  readonly deviceData: string;
}

export async function readDehydratedDevice(db: Db, userNid: number): Promise<DehydratedDevice | undefined> {
  const row = await db.get(
    sql<{
      device_id: DeviceId;
      device_data: string;
    }>`SELECT device_id, device_data FROM dehydrated_devices WHERE user_nid = ${userNid}`,
  );
  return row && { deviceId: row.device_id, deviceData: row.device_data };
}

/** Puts the user's dehydrated device in the place of the one before it. */
export function putDehydratedDevice(tx: Tx, userNid: number, { deviceId, deviceData }: DehydratedDevice): void {
  tx.run(sql`INSERT INTO dehydrated_devices (user_nid, device_id, device_data) VALUES (${userNid}, ${deviceId}, ${deviceData})
    ON CONFLICT (user_nid) DO UPDATE SET device_id = excluded.device_id, device_data = excluded.device_data`);
}

/** Forgets a dehydrated device if it is one of these. */
export function forgetDehydratedDevice(tx: Tx, userNid: number, deviceIds: readonly DeviceId[]): void {
  tx.run(sql`DELETE FROM dehydrated_devices WHERE user_nid = ${userNid} AND device_id ${inList(deviceIds)}`);
}
