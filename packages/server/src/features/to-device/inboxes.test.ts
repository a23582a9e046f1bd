import assert from 'node:assert/strict';

import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { type Database, Interner, sql } from '../../platform/database/index.ts';
import { plansOf } from '../../platform/database/query-plans.fixture.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { Notifier } from '../../platform/streams/index.ts';
import { type Devices, openDevices } from '../devices/index.ts';
import { serversWaitedFor, waitingEdus } from './to-device.federation.store.ts';
import { putMessages, takeAllMessages, takeMessages, waitingMessages } from './to-device.store.ts';
import { everyDevice, ToDevice } from './to-device.ts';

const alice = '@alice:hive.example' as UserId;
const bob = '@bob:hive.example' as UserId;
const phone = 'PHONE' as DeviceId;

async function open(database: Database): Promise<{ toDevice: ToDevice; devices: Devices; bobNid: number }> {
  const clock = createTestClock();
  const caches = new CacheBudget(1_000_000);
  const names = new Interner(database, caches);
  const devices = openDevices({ database, clock });
  const toDevice = await ToDevice.open({
    database,
    names,
    caches,
    clock,
    devices,
    notifier: new Notifier(),
    random: createSeededRandom(1),
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
    limiters: {},
    federatesWith: () => false,
    wakeServer: () => Promise.resolve(),
  });
  return { toDevice, devices, bobNid: await names.idOf(bob) };
}

const inboxes = async (database: Database): Promise<string[]> =>
  (await database.all(sql<{ message: string }>`SELECT message FROM to_device_inbox ORDER BY position`)).map(
    ({ message }) => message,
  );

const message = (text: string) => ({
  sender: alice,
  type: 'org.example.tea',
  messages: new Map([[bob, new Map([[everyDevice, { text }]])]]),
});

forEachDatabase('inboxes', ({ test, dialect }) => {
  test('what comes while its device is deleted does not wait for the next device of that name', async ({ database }) => {
    const { toDevice, devices, bobNid } = await open(database);
    await database.write((tx) => devices.putIn(tx, { userNid: bobNid, deviceId: phone }));
    const [deleted, come] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const deleting = database.transaction(async (tx) => {
      await devices.deleteIn(tx, { userId: bob, userNid: bobNid }, [phone]);
      deleted.resolve();
      await come.promise;
    });
    await deleted.promise;
    const coming = toDevice.deliver(message('for a device that goes'));
    // Where nothing is written while a transaction is under way, it comes after it.
    if (dialect === 'postgres') await coming;
    come.resolve();
    await Promise.all([deleting, coming]);
    await database.write((tx) => devices.putIn(tx, { userNid: bobNid, deviceId: phone }));
    await toDevice.deliver(message('for a device that comes'));
    await database.write(() => undefined);
    assert.deepEqual(
      (await inboxes(database)).map((json) => JSON.parse(json).content.text),
      ['for a device that comes'],
    );
  });

  test('one request cannot fill the disk by way of many devices', async ({ database }) => {
    const { toDevice, devices, bobNid } = await open(database);
    await database.write((tx) => {
      for (let n = 0; n < 300; n++) devices.putIn(tx, { userNid: bobNid, deviceId: `D${n}` as DeviceId });
    });
    await assert.rejects(toDevice.deliver(message('x'.repeat(60_000))), { errcode: 'M_TOO_LARGE' });
    assert.deepEqual(await inboxes(database), []);
    await toDevice.deliver(message('short'));
    assert.equal((await inboxes(database)).length, 300);
  });

  test('what a message costs does not grow with the devices that there are, without statistics either', async ({ database }) => {
    if (dialect !== 'postgres') return;
    await database.write((tx) => {
      tx.run(
        sql`INSERT INTO devices (user_nid, device_id, created_ts) SELECT n / 3, 'D' || n, 0 FROM generate_series(1, 30000) n`,
      );
      tx.run(sql`INSERT INTO to_device_inbox (position, user_nid, device_id, message)
        SELECT n, n / 3, 'D' || n, repeat('x', 400) FROM generate_series(1, 30000) n`);
      tx.run(
        sql`INSERT INTO to_device_outbox (server_nid, content) SELECT n % 10, repeat('x', 400) FROM generate_series(1, 20000) n`,
      );
    });
    const device = { userNid: 2, deviceId: 'D7' as DeviceId };
    const plans = await plansOf(database, async (tx) => {
      putMessages(tx, [{ ...device, position: 30_001, message: '{}' }]);
      await waitingMessages(tx, device, { since: 5, upTo: 30_000 }, 100);
      takeMessages(tx, 2, device.deviceId, 30_000);
      takeAllMessages(tx, 2, [device.deviceId]);
      await waitingEdus(tx, 5, 100);
      await serversWaitedFor(tx);
    });
    for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan/);
  });
});
