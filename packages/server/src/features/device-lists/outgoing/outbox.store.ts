import type { DeviceId } from '@myelin/protocol/identifiers';

import { inList, sql, type Db, type Tx } from '../../../platform/database/index.ts';

/** A change that waits for a server. */
export interface WaitingChange {
  readonly userNid: number;
  /** Empty for the user's cross-signing keys. */
  readonly deviceId: DeviceId | '';
  readonly deleted: boolean;
  readonly streamId: number;
  /** The update that the server had before; 0 for none. */
  readonly prev: number;
}

interface WaitingRow {
  user_nid: number;
  device_id: DeviceId | '';
  kind: number;
  stream_id: number;
  prev: number;
}

const deletedKind = 1;

/**
 * Lets changes of one user wait for servers. A change of a device takes the place of one before it: what is told is how the device is then.
 * No two of the changes may be of the same device.
 */
export function putWaiting(tx: Tx, destinationNids: readonly number[], changes: readonly WaitingChange[]): void {
  tx.insertMany(
    'device_list_outbox',
    ['destination_nid', 'user_nid', 'device_id', 'kind', 'stream_id', 'prev'],
    destinationNids.flatMap((destinationNid) =>
      changes.map(({ userNid, deviceId, deleted, streamId, prev }) => [
        destinationNid,
        userNid,
        deviceId,
        deleted ? deletedKind : 0,
        streamId,
        prev,
      ]),
    ),
    `(destination_nid, user_nid, device_id) DO UPDATE SET kind = excluded.kind, stream_id = excluded.stream_id
      WHERE excluded.stream_id > device_list_outbox.stream_id`,
  );
}

/** What waits for a server, oldest first. */
export async function waitingFor(db: Db, destinationNid: number, limit: number): Promise<WaitingChange[]> {
  const rows = await db.all<WaitingRow>(
    sql`SELECT user_nid, device_id, kind, stream_id, prev FROM device_list_outbox
        WHERE destination_nid = ${destinationNid} ORDER BY stream_id LIMIT ${limit}`,
  );
  return rows.map((row) => ({
    userNid: row.user_nid,
    deviceId: row.device_id,
    deleted: row.kind === deletedKind,
    streamId: row.stream_id,
    prev: row.prev,
  }));
}

/** What a server has of some users' lists, as far as updates wait for it. */
export async function firstPrevs(db: Db, destinationNid: number, userNids: readonly number[]): Promise<Map<number, number>> {
  const rows = await db.all<{ user_nid: number; prev: number }>(
    sql`SELECT user_nid, MIN(prev) AS prev FROM device_list_outbox
        WHERE destination_nid = ${destinationNid} AND user_nid ${inList(userNids)} AND device_id <> '' GROUP BY user_nid`,
  );
  return new Map(rows.map((row) => [row.user_nid, row.prev]));
}

/** The server has these. What has changed again meanwhile goes on waiting, for a server that has these. */
export function takeDelivered(tx: Tx, destinationNid: number, delivered: readonly WaitingChange[]): void {
  const latest = new Map<number, number>();
  for (const { userNid, deviceId, streamId } of delivered) {
    tx.run(sql`DELETE FROM device_list_outbox WHERE destination_nid = ${destinationNid} AND user_nid = ${userNid}
      AND device_id = ${deviceId} AND stream_id = ${streamId}`);
    if (deviceId !== '') latest.set(userNid, Math.max(latest.get(userNid) ?? 0, streamId));
  }
  for (const [userNid, streamId] of latest) {
    tx.run(sql`UPDATE device_list_outbox SET prev = ${streamId}
      WHERE destination_nid = ${destinationNid} AND user_nid = ${userNid} AND prev < ${streamId}`);
  }
}

/** The servers for which something waits. One step in the index for each. */
export async function waitingDestinations(db: Db): Promise<number[]> {
  const rows = await db.all<{ destination_nid: number }>(
    sql`WITH RECURSIVE found (destination_nid) AS (
          SELECT MIN(destination_nid) FROM device_list_outbox
          UNION ALL
          SELECT (SELECT MIN(o.destination_nid) FROM device_list_outbox o WHERE o.destination_nid > found.destination_nid)
          FROM found WHERE found.destination_nid IS NOT NULL
        ) SELECT destination_nid FROM found WHERE destination_nid IS NOT NULL`,
  );
  return rows.map((row) => row.destination_nid);
}
