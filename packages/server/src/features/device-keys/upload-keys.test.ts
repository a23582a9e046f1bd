import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing/homeserver';

import { asksFor, claims, DeviceCrypto, keyIdOf } from './key-ring.fixture.ts';
import { mostUsersOfQuery } from './queries/query-keys.ts';

const counted = (count: number) => ({ one_time_key_counts: { signed_curve25519: count } });

forEachHomeserver('uploading keys', ({ test }) => {
  test("Bob finds Alice's devices with the names that she gave them, and of all he may ask for one", async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const tablet = await homeserver.anotherDeviceOf(alice);
    const crypto = new DeviceCrypto(alice);
    assert.deepEqual(await crypto.publishes(3), counted(3));
    await new DeviceCrypto(tablet).publishes();
    await alice.put(`/devices/${alice.deviceId}`, { display_name: 'kitchen "tablet"' });
    const { device_keys, failures, master_keys } = await asksFor(bob, alice, bob);
    assert.deepEqual(device_keys[bob.userId], {}, 'Bob has published nothing, and that is told');
    assert.deepEqual(Object.keys(device_keys[alice.userId]).toSorted(), [alice.deviceId, tablet.deviceId].toSorted());
    assert.deepEqual(device_keys[alice.userId][alice.deviceId], {
      ...crypto.deviceKeys,
      unsigned: { device_display_name: 'kitchen "tablet"' },
    });
    assert.deepEqual([failures, master_keys], [{}, {}]);
    const one = await bob.post('/keys/query', { device_keys: { [alice.userId]: [tablet.deviceId, 'NONE'], '@nobody:x': [] } });
    assert.deepEqual(Object.keys(one.device_keys[alice.userId]), [tablet.deviceId]);
    const crowd = Object.fromEntries(Array.from({ length: mostUsersOfQuery + 1 }, (_, at) => [`@x${at}:hive.example`, []]));
    const tooLarge = { status: 413, errcode: 'M_TOO_LARGE' };
    await bob.isRefused('POST', '/keys/query', tooLarge, { body: { device_keys: crowd } });
  });

  test('an upload whose answer was lost is made again; other keys under the same ids are refused', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const crypto = new DeviceCrypto(alice);
    const upload = { device_keys: crypto.deviceKeys, one_time_keys: crypto.oneTimeKeys(2), fallback_keys: crypto.fallbackKey(1) };
    assert.deepEqual(await alice.post('/keys/upload', upload), counted(2));
    assert.deepEqual(await alice.post('/keys/upload', upload), counted(2));
    assert.deepEqual(await alice.post('/keys/upload', {}), counted(2));
    const name = `signed_curve25519:${keyIdOf(1)}`;
    const refused = await alice.isRefused(
      'POST',
      '/keys/upload',
      { status: 400, errcode: 'M_INVALID_PARAM' },
      { body: { one_time_keys: { ...crypto.oneTimeKeys(1), [name]: crypto.oneTimeKey(77) } } },
    );
    assert.match(
      refused.error,
      new RegExp(`^One time key ${name.replaceAll('+', '\\+')} already exists\\. Old key: .*; new key: `),
    );
    assert.deepEqual(await alice.post('/keys/upload', {}), counted(2), 'all or nothing');
  });

  test('a device keeps its identity: other keys for it are refused, its own again are not', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes();
    await crypto.publishes();
    const another = new DeviceCrypto(alice, 'second');
    await alice.isRefused(
      'POST',
      '/keys/upload',
      { status: 400, errcode: 'M_INVALID_PARAM' },
      { body: { device_keys: another.deviceKeys } },
    );
    const newer = crypto.sign({ ...crypto.deviceKeys, algorithms: ['m.megolm.v1.aes-sha2'], signatures: {} });
    await alice.post('/keys/upload', { device_keys: newer });
    const { device_keys } = await asksFor(bob, alice);
    const { unsigned: _, ...seen } = device_keys[alice.userId][alice.deviceId];
    assert.deepEqual(seen, newer, 'what it can do may change');
  });

  test("nobody publishes keys of another's device, unsigned keys, or what is none", async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const crypto = new DeviceCrypto(alice);
    const { deviceKeys } = crypto;
    const tablet = new DeviceCrypto(await homeserver.anotherDeviceOf(alice));
    const keyName = `signed_curve25519:${keyIdOf(1)}`;
    const key = crypto.oneTimeKey(1);
    const tooMany = Object.fromEntries(Array.from({ length: 5001 }, (_, at) => [`signed_x:${at}`, { key: 'x', signatures: {} }]));
    const table: [string, object][] = [
      ['M_BAD_JSON', { device_keys: new DeviceCrypto(bob).deviceKeys }],
      ['M_BAD_JSON', { device_keys: tablet.deviceKeys }],
      ['M_INVALID_PARAM', { device_keys: crypto.sign({ ...deviceKeys, keys: { ...deviceKeys.keys, 'curve25519:OTHER': 'x' } }) }],
      ['M_INVALID_PARAM', { device_keys: crypto.sign({ ...deviceKeys, keys: {} }) }],
      ['M_INVALID_SIGNATURE', { device_keys: { ...deviceKeys, algorithms: [] } }],
      ['M_INVALID_SIGNATURE', { device_keys: { ...deviceKeys, signatures: {} } }],
      ['M_BAD_JSON', { device_keys: crypto.sign({ ...deviceKeys, keys: undefined }) }],
      ['M_BAD_JSON', { device_keys: { ...deviceKeys, extra: 1.5 } }],
      ['M_TOO_LARGE', { device_keys: crypto.sign({ ...deviceKeys, extra: 'x'.repeat(40_000) }) }],
      [
        'M_INVALID_SIGNATURE',
        { device_keys: deviceKeys, one_time_keys: { [keyName]: { ...key, key: crypto.oneTimeKey(2).key } } },
      ],
      ['M_INVALID_SIGNATURE', { device_keys: deviceKeys, fallback_keys: { [keyName]: { ...key, signatures: {} } } }],
      ['M_BAD_JSON', { one_time_keys: { [keyName]: { key: key.key } } }],
      ['M_BAD_JSON', { one_time_keys: { [keyName]: key.key } }],
      ['M_BAD_JSON', { one_time_keys: { [keyName]: crypto.sign({ key: 'short' }) } }],
      ['M_INVALID_PARAM', { one_time_keys: { signed_curve25519: key } }],
      // Before any signature is looked at.
      ['M_TOO_LARGE', { device_keys: deviceKeys, one_time_keys: tooMany }],
      ['M_INVALID_PARAM', { one_time_keys: { 'signed_curve25519:': key } }],
      ['M_INVALID_PARAM', { one_time_keys: { [`signed_curve25519:${'x'.repeat(300)}`]: key } }],
      ['M_TOO_LARGE', { one_time_keys: { [keyName]: crypto.sign({ ...key, more: 'x'.repeat(5_000) }) } }],
      ['M_INVALID_PARAM', { fallback_keys: { ...crypto.fallbackKey(1), ...crypto.fallbackKey(2) } }],
      ['M_TOO_LARGE', { one_time_keys: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`old${at}:A`, key.key])) }],
    ];
    for (const [errcode, body] of table) await alice.isRefused('POST', '/keys/upload', { status: 400, errcode }, { body });
    assert.deepEqual((await asksFor(bob, alice)).device_keys, { [alice.userId]: {} });
    assert.equal(await claims(bob, alice), undefined);
  });

  test('a device that is logged out takes its keys along; so does an account that ends', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const tablet = await homeserver.anotherDeviceOf(alice);
    await new DeviceCrypto(alice).publishes(1);
    await new DeviceCrypto(tablet).publishes(1);
    await tablet.post('/logout');
    assert.deepEqual(Object.keys((await asksFor(bob, alice)).device_keys[alice.userId]), [alice.deviceId]);
    assert.equal(await claims(bob, tablet), undefined);
    await alice.post('/account/deactivate', {
      auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: alice.password },
    });
    // Who is missing in the answer would keep the devices that a client knows.
    assert.deepEqual((await asksFor(bob, alice)).device_keys, { [alice.userId]: {} });
  });

  test('every sync tells how many keys are left, from the first, and whether the fallback key is unused', async ({
    homeserver,
  }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const told = async () => {
      const { device_one_time_keys_count: count, device_unused_fallback_key_types: unused } = await alice.syncs();
      return { count, unused };
    };
    assert.deepEqual(await told(), { count: { signed_curve25519: 0 }, unused: [] });
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes(2);
    await alice.post('/keys/upload', { fallback_keys: crypto.fallbackKey(1) });
    assert.deepEqual(await told(), { count: { signed_curve25519: 2 }, unused: ['signed_curve25519'] });
    for (const left of [1, 0]) {
      await claims(bob, alice);
      assert.deepEqual(await told(), { count: { signed_curve25519: left }, unused: ['signed_curve25519'] });
    }
    await claims(bob, alice);
    assert.deepEqual(await told(), { count: { signed_curve25519: 0 }, unused: [] });
    await alice.post('/keys/upload', { fallback_keys: crypto.fallbackKey(1) });
    assert.deepEqual((await told()).unused, [], 'the same again has been given out all the same');
    await alice.post('/keys/upload', { fallback_keys: crypto.fallbackKey(2) });
    assert.deepEqual((await told()).unused, ['signed_curve25519']);
    assert.deepEqual(await told(), await told());
  });
});
