import assert from 'node:assert/strict';

import type { DeviceId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { sql } from '../../platform/database/index.ts';
import { plansOf } from '../../platform/database/query-plans.fixture.ts';
import { readKeysOfDevice, readDeviceKeys } from './identity/device-keys.store.ts';
import {
  countLeft,
  readStocks,
  readStocksOfDevice,
  removeStocks,
  takeOldest,
  voidStocks,
} from './one-time-keys/one-time-keys.store.ts';
import { inRoomsWith } from './queries/shared-rooms.store.ts';

const users = Array.from({ length: 20 }, (_, number) => 1 + number * 7);
const device = 'D7' as DeviceId;

forEachDatabase('what keys cost', ({ test, dialect }) => {
  test('nothing reads a whole table, without statistics either', async ({ database }) => {
    if (dialect !== 'postgres') return;
    await database.write((tx) => {
      tx.run(
        sql`INSERT INTO devices (user_nid, device_id, created_ts) SELECT n / 3, 'D' || n, 0 FROM generate_series(1, 30000) n`,
      );
      tx.run(sql`INSERT INTO device_keys (user_nid, device_id, keys)
        SELECT n / 3, 'D' || n, repeat('x', 400) FROM generate_series(1, 30000) n`);
      tx.run(sql`INSERT INTO one_time_key_stocks (stock_id, user_nid, device_id, algorithm)
        SELECT n, n / 3, 'D' || n, 'signed_curve25519' FROM generate_series(1, 30000) n`);
      tx.run(sql`INSERT INTO one_time_keys (stock_id, position, key_id, key_json)
        SELECT n / 20, n, n, repeat('x', 200) FROM generate_series(1, 100000) n`);
      tx.run(sql`INSERT INTO memberships (user_nid, room_nid, membership, event_nid, sender_nid, server_nid, position, forgotten)
        SELECT n / 10, n % 3000, 1, n, n / 10, 1 + n % 50, n, 0 FROM generate_series(1, 100000) n`);
    });
    const plans = await plansOf(database, async (tx) => {
      await readDeviceKeys(tx, users);
      await readKeysOfDevice(tx, 2, device);
      await readStocks(
        tx,
        Array.from({ length: 300 }, (_, user) => 1 + user * 3),
      );
      await readStocksOfDevice(tx, 2, device);
      await countLeft(tx, users);
      await takeOldest(
        tx,
        Array.from({ length: 300 }, (_, stock) => 1 + stock * 5),
      );
      removeStocks(tx, 2, [device]);
      voidStocks(tx, 2, device);
    });
    for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan/);
    const [sharing = ''] = await plansOf(database, (tx) => inRoomsWith(tx, 5, users));
    assert.doesNotMatch(
      sharing,
      /Seq Scan|memberships_by_(room|server)/,
      'the members of large rooms are not read to find a few',
    );
  });
});
