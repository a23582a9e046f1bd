import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing/homeserver';

import { claims, DeviceCrypto } from './key-ring.fixture.ts';

forEachHomeserver('claiming keys', ({ test }) => {
  test('keys are given out in the order in which they were uploaded, each once, then the fallback key', async ({
    homeserver,
  }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes();
    // Whatever the ids say: the newer ones here sort first.
    const uploads = [5, 3, 9].map((number) => ({ [`signed_curve25519:${number}AAAA`]: crypto.oneTimeKey(number) }));
    for (const one_time_keys of uploads) await alice.post('/keys/upload', { one_time_keys });
    await alice.post('/keys/upload', { fallback_keys: crypto.fallbackKey(1) });
    for (const keys of uploads) assert.deepEqual([await claims(bob, alice)], Object.entries(keys));
    const fallback = Object.entries(crypto.fallbackKey(1));
    assert.deepEqual([await claims(bob, alice)], fallback);
    assert.deepEqual([await claims(bob, alice)], fallback, 'as often as it takes');
    const none = await bob.post('/keys/claim', {
      one_time_keys: { [alice.userId]: { NONE: 'signed_curve25519', [alice.deviceId]: 'curve25519' }, '@nobody:x y': { A: 'b' } },
    });
    assert.deepEqual(none, { failures: {}, one_time_keys: {} });
  });

  test('of 20 who claim one of 10 keys at the same moment, 10 get one each', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const tablet = await homeserver.anotherDeviceOf(alice);
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes(10);
    const got = await Promise.all(Array.from({ length: 20 }, (_, at) => claims(at % 2 ? bob : tablet, alice)));
    const names = got.flatMap((key) => (key ? [key[0]] : []));
    assert.deepEqual([names.length, new Set(names).size], [10, 10]);
  });

  test('one request takes keys of many devices', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const devices = [alice, await homeserver.anotherDeviceOf(alice), bob];
    for (const device of devices) await new DeviceCrypto(device).publishes(1);
    const wanted = Object.groupBy(devices, ({ userId }) => userId);
    const { one_time_keys } = await bob.post('/keys/claim', {
      timeout: null,
      one_time_keys: Object.fromEntries(
        Object.entries(wanted).map(([userId, list = []]) => [
          userId,
          Object.fromEntries(list.map(({ deviceId }) => [deviceId, 'signed_curve25519'])),
        ]),
      ),
    });
    for (const { userId, deviceId } of devices) assert.equal(Object.keys(one_time_keys[userId][deviceId]).length, 1);
  });

  test('a key that was given out is not taken again, however often it is uploaded', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes();
    const one_time_keys = { ...crypto.oneTimeKeys(3), 'signed_curve25519:no number': crypto.oneTimeKey(50) };
    const uploads = async () => (await alice.post('/keys/upload', { one_time_keys })).one_time_key_counts.signed_curve25519;
    assert.equal(await uploads(), 4);
    const names = new Set<string>();
    for (const left of [3, 2, 1, 0]) {
      names.add((await claims(bob, alice))?.[0] ?? '');
      // The second upload comes when the first has made a range of what was given out.
      assert.deepEqual([await uploads(), await uploads()], [left, left]);
    }
    assert.equal(names.size, 4);
    assert.equal(await claims(bob, alice), undefined);
    await alice.post('/keys/upload', { one_time_keys: crypto.oneTimeKeys(1) });
    assert.ok(await claims(bob, alice), 'a new one is taken');
  });
});
