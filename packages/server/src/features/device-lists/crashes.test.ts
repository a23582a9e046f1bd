import assert from 'node:assert/strict';

import type { DeviceId, ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { sql, type Database } from '../../platform/database/index.ts';
import { decodeSyncToken, type SyncToken } from '../../platform/streams/index.ts';
import type { Viewer } from '../../rooms/index.ts';
import { openHive, type Hive } from '../hive.fixture.ts';
import { openDeviceLists } from './device-lists.fixture.ts';
import type { DeviceListsFeature } from './index.ts';
import { placeNews, putChange, putNews } from './news.store.ts';
import { putWaiting } from './outgoing/outbox.store.ts';

const phone = 'PHONE' as DeviceId;
const laptop = 'LAPTOP' as DeviceId;
const near = 'near.example' as ServerName;
const far = 'far.example' as ServerName;
const start = decodeSyncToken('s0') as SyncToken;

/** Runs until nothing is to be placed or spread any more. */
async function settle(database: Database): Promise<void> {
  while (await database.get(sql`SELECT news_id FROM device_list_news`)) await new Promise((resolve) => setImmediate(resolve));
}

const heard = async ({ sync, lists }: DeviceListsFeature, viewer: Viewer, since = start): Promise<readonly string[]> => {
  const upTo = { ...since, device_lists: sync?.[0]?.now() ?? 0 };
  return (await lists.changesFor(viewer, since, upTo)).changed;
};

async function waitsFor(feature: DeviceListsFeature, server: ServerName): Promise<unknown[]> {
  const next = await feature.durableEdus?.next(server, 100);
  return (next?.edus ?? []).map(({ content }) => [content['device_id'], content['stream_id'], content['prev_id']]);
}

const withLists = async (
  hive: Hive,
  servers: readonly ServerName[],
  work: (feature: DeviceListsFeature) => Promise<void>,
): Promise<void> => {
  const feature = await openDeviceLists(hive, { servers });
  try {
    await settle(hive.database);
    await work(feature);
  } finally {
    await feature.stop?.();
  }
};

forEachDatabase('device lists after a crash', ({ test }) => {
  test('a change that was written and not seen yet is seen in the next life', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    await hive.friendsInARoom();
    await database.write((tx) => putNews(tx, { userNid: alice.userNid, deviceId: phone, kind: 'device' }));
    await withLists(hive, [near], async (feature) => {
      assert.deepEqual(await heard(feature, bob), [alice.userId]);
      assert.deepEqual(await waitsFor(feature, near), [[phone, 1, []]]);
    });
  });

  test('after a restore nothing is told under a number that others have heard already', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    await hive.friendsInARoom();
    const changes = async (startMs: number): Promise<number> => {
      await database.write((tx) => putNews(tx, { userNid: alice.userNid, deviceId: phone, kind: 'device' }));
      const feature = await openDeviceLists(hive, { servers: [near], startMs });
      await settle(database);
      const [first] = (await feature.durableEdus?.next(near, 1))?.edus ?? [];
      assert.deepEqual(await heard(feature, bob, { ...start, device_lists: startMs }), [alice.userId]);
      await feature.stop?.();
      return Number(first?.content['stream_id']);
    };
    const before = await changes(5_000);
    await database.write((tx) => {
      for (const forgotten of [sql`DELETE FROM device_list_changes`, sql`DELETE FROM device_list_outbox`]) tx.run(forgotten);
    });
    assert.ok((await changes(60_000)) > before);
    assert.ok((await changes(70)) > 60_000, 'nor does a clock that goes back bring numbers back');
  });

  test('servers that were being told are told all of it, under the same numbers', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    await hive.friendsInARoom();
    const nearNid = await hive.names.idOf(near);
    await database.write((tx) => {
      putNews(tx, { userNid: alice.userNid, deviceId: phone, kind: 'device' });
      putNews(tx, { userNid: alice.userNid, deviceId: laptop, kind: 'device' });
    });
    const ids = await database.all<{ news_id: number }>(sql`SELECT news_id FROM device_list_news ORDER BY news_id`);
    await database.write((tx) => {
      putChange(tx, { userNid: alice.userNid, position: 2, updatePosition: 2 });
      for (const [index, { news_id: id }] of ids.entries()) placeNews(tx, { id, position: index + 1, prev: index });
      // The power went when one of the two servers had its rows.
      putWaiting(tx, [nearNid], [{ userNid: alice.userNid, deviceId: phone, deleted: false, streamId: 1, prev: 0 }]);
    });
    await withLists(hive, [near, far], async (feature) => {
      const expected = [
        [phone, 1, []],
        [laptop, 2, [1]],
      ];
      assert.deepEqual([await waitsFor(feature, near), await waitsFor(feature, far)], [expected, expected]);
    });
  });

  test('a write that comes to nothing holds nobody up', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    await hive.friendsInARoom();
    await withLists(hive, [near], async (feature) => {
      const change = (deviceId: DeviceId) => ({ user: alice, deviceIds: [deviceId], crossSigning: false });
      await assert.rejects(
        database.transaction(async (tx) => {
          feature.lists.changed(tx, change(phone));
          throw new Error('something else was wrong');
        }),
      );
      await database.transaction(async (tx) => feature.lists.changed(tx, change(laptop)));
      await settle(database);
      assert.deepEqual(await heard(feature, bob), [alice.userId]);
      assert.deepEqual(await waitsFor(feature, near), [[laptop, 1, []]]);
    });
  });

  test('what changes again while a server is told goes on waiting, after what it was told', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    await hive.friendsInARoom();
    await withLists(hive, [near], async (feature) => {
      const changes = async (...deviceIds: DeviceId[]): Promise<void> => {
        await database.write((tx) => feature.lists.changed(tx, { user: alice, deviceIds, crossSigning: false }));
        await settle(database);
      };
      await changes(phone, laptop);
      const underWay = await feature.durableEdus?.next(near, 1);
      assert.equal(underWay?.edus[0]?.content['device_id'], phone);
      await changes(phone);
      await underWay?.delivered();
      assert.deepEqual(await waitsFor(feature, near), [
        [laptop, 2, [1]],
        [phone, 3, [2]],
      ]);
      assert.deepEqual(await feature.durableEdus?.waitingServers(), [near]);
      for (let more = true; more;) {
        const next = await feature.durableEdus?.next(near, 1);
        await next?.delivered();
        more = (next?.edus.length ?? 0) > 0;
      }
      assert.deepEqual(await feature.durableEdus?.waitingServers(), []);
    });
  });
});
