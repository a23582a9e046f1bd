import assert from 'node:assert/strict';

import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { type Database, Interner, sql } from '../../platform/database/index.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { Notifier } from '../../platform/streams/index.ts';
import { type Devices, openDevices } from '../devices/index.ts';
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
});
