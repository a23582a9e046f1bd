import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import * as federation from '@myelin/protocol/api/federation';
import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import type { Person } from '@myelin/testing';
import { FakeServer, type FederatedHomeservers, startFederation } from '@myelin/testing/federation';

import { asksFor, claims, DeviceCrypto, Identity } from './key-ring.fixture.ts';

describe('keys between servers', () => {
  let world: FederatedHomeservers;
  before(async () => {
    world = await startFederation(['hive.example', 'nest.example', 'tree.example']);
  });
  after(() => world.stop());
  const person = (name: string, server: string): Promise<Person> => world.named(server).person(name);

  test("Bob's server claims keys of Alice's: each once, also against her own server's people", async () => {
    const [alice, bob, carol] = [
      await person('alice', 'hive.example'),
      await person('bob', 'nest.example'),
      await person('carol', 'hive.example'),
    ];
    const crypto = new DeviceCrypto(alice);
    await crypto.publishes(6);
    await alice.post('/keys/upload', { fallback_keys: crypto.fallbackKey(1) });
    const got = await Promise.all(Array.from({ length: 6 }, (_, at) => claims(at % 2 ? bob : carol, alice)));
    assert.equal(new Set(got.map((key) => key?.[0])).size, 6);
    const [name, key] = Object.entries(crypto.fallbackKey(1))[0] ?? [];
    assert.deepEqual(await claims(bob, alice), [name, key]);
    assert.deepEqual((await alice.syncs()).device_unused_fallback_key_types, []);
  });

  test('a server that cannot be reached is named, and keeps nobody from the rest', async () => {
    const [alice, bob, dora] = [
      await person('alice', 'hive.example'),
      await person('bob', 'nest.example'),
      await person('dora', 'tree.example'),
    ];
    for (const each of [alice, dora, bob]) await new DeviceCrypto(each).publishes(1);
    await world.cutOff('tree.example');
    const wanted = [alice, dora, bob].map(({ userId, deviceId }) => [userId, { [deviceId]: 'signed_curve25519' }]);
    const { failures, one_time_keys } = await bob.post('/keys/claim', {
      timeout: 5_000,
      one_time_keys: { ...Object.fromEntries(wanted), '@eve:no server name': { A: 'b' }, 'nobody at all': { A: 'b' } },
    });
    assert.deepEqual(Object.keys(failures), ['tree.example']);
    assert.equal(failures['tree.example'].status, 503);
    assert.deepEqual(Object.keys(one_time_keys).toSorted(), [alice.userId, bob.userId].toSorted());
    await world.reconnect('tree.example');
  });

  test('a server speaks for its own users only, and in no time but the one that it is given', async () => {
    const [alice, bob] = [await person('alice', 'hive.example'), await person('bob', 'nest.example')];
    await new DeviceCrypto(alice).publishes(1);
    const [liar, sleeper] = [await FakeServer.start('liar.example', world), await FakeServer.start('sleeper.example', world)];
    const forged = { 'signed_curve25519:AAAA': { key: 'forged', signatures: {} } };
    const path = '/_matrix/federation/v1/user/keys/claim';
    liar.answers.set(path, () => ({
      one_time_keys: { [alice.userId]: { [alice.deviceId]: forged }, '@mallory:liar.example': { M: forged } },
    }));
    sleeper.answers.set(path, () => new Promise(() => {}));
    const device = { M: 'signed_curve25519' };
    const { failures, one_time_keys } = await bob.post('/keys/claim', {
      timeout: 1,
      one_time_keys: {
        [alice.userId]: { [alice.deviceId]: 'signed_curve25519' },
        '@mallory:liar.example': device,
        '@sue:sleeper.example': device,
      },
    });
    assert.deepEqual(Object.keys(failures), ['sleeper.example']);
    assert.deepEqual(one_time_keys['@mallory:liar.example'], { M: forged });
    assert.notDeepEqual(one_time_keys[alice.userId][alice.deviceId], forged);
    liar.answers.set(path, () => ({ one_time_keys: { '@mallory:liar.example': 'none' } }));
    const badly = await bob.post('/keys/claim', { one_time_keys: { '@mallory:liar.example': device } });
    assert.deepEqual([Object.keys(badly.failures), badly.one_time_keys], [['liar.example'], {}]);
    for (const fake of [liar, sleeper]) await fake.stop();
  });

  test('that somebody elsewhere has no device left is told as such', async () => {
    const [alice, bob] = [await person('alice', 'hive.example'), await person('bob', 'nest.example')];
    assert.deepEqual((await asksFor(bob, alice)).device_keys, { [alice.userId]: {} });
  });

  test("another server gets what everybody may see of this server's users, and of no others", async () => {
    const [alice, bob] = [await person('alice', 'hive.example'), await person('bob', 'nest.example')];
    const [crypto, identity] = [new DeviceCrypto(alice), new Identity(alice)];
    await crypto.publishes();
    await identity.publishes();
    await identity.signsDevice(crypto);
    await alice.put(`/devices/${alice.deviceId}`, { display_name: "Alice's secret lair" });
    await new DeviceCrypto(bob).publishes(1);
    const { remoteServers } = world.named('nest.example').server.needs;
    const hive = 'hive.example' as ServerName;
    const answer = await remoteServers.request(hive, federation.queryUserEncryptionKeys, {
      body: { device_keys: Object.fromEntries([alice.userId, bob.userId, '@nobody:hive.example'].map((userId) => [userId, []])) },
    });
    const device = { ...crypto.deviceKeys, signatures: identity.signs(crypto.deviceKeys, identity.selfSigning).signatures };
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), {
      device_keys: { [alice.userId]: { [alice.deviceId]: device }, '@nobody:hive.example': {} },
      master_keys: { [alice.userId]: { ...identity.masterKey, signatures: { [alice.userId]: {} } } },
      self_signing_keys: { [alice.userId]: identity.keys.self_signing_key },
    });
    const claimed = await remoteServers.request(hive, federation.claimUserEncryptionKeys, {
      body: { one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } } },
    });
    assert.deepEqual(claimed, { one_time_keys: {} });
  });

  test('keys of many users come from other servers in several answers', async () => {
    const bob = await person('bob', 'nest.example');
    const crowd = await FakeServer.start('crowd.example', world);
    const path = '/_matrix/federation/v1/user/keys/query';
    const deviceOf = (userId: string) => new DeviceCrypto({ userId, deviceId: 'ONLY' }).deviceKeys;
    crowd.answers.set(path, (_request, body) => ({
      device_keys: Object.fromEntries(Object.keys(body.device_keys).map((userId) => [userId, { ONLY: deviceOf(userId) }])),
    }));
    const users = Array.from({ length: 600 }, (_, number) => `@citizen-${number}:crowd.example`);
    const asked = Object.fromEntries([...users, '@sue:gone.example'].map((userId) => [userId, []]));
    const { device_keys, failures, master_keys } = await bob.post('/keys/query', { device_keys: asked });
    assert.deepEqual(device_keys, Object.fromEntries(users.map((userId) => [userId, { ONLY: deviceOf(userId) }])));
    assert.deepEqual([Object.keys(failures), master_keys], [['gone.example'], {}]);
    assert.equal(crowd.asked(path), 3);
    const { remoteServers } = world.named('nest.example').server.needs;
    const alice = await person('alice', 'hive.example');
    await new DeviceCrypto(alice).publishes();
    const nobodies = Array.from({ length: 600 }, (_, number) => `@nobody-${number}:hive.example`);
    const told = await remoteServers.request('hive.example' as ServerName, federation.queryUserEncryptionKeys, {
      body: { device_keys: Object.fromEntries([...nobodies, alice.userId].map((userId) => [userId, []])) },
    });
    assert.equal(Object.keys(told.device_keys).length, 601);
    assert.deepEqual(Object.keys(told.device_keys[alice.userId as UserId] ?? {}), [alice.deviceId]);
    await crowd.stop();
  });
});

test('where the operator says so, other servers are told what devices are called', async () => {
  const world = await startFederation(['hive.example', 'nest.example'], {
    config: { allow_device_name_lookup_over_federation: true },
  });
  try {
    const [alice, bob] = [await world.named('hive.example').person('alice'), await world.named('nest.example').person('bob')];
    await new DeviceCrypto(alice).publishes();
    await alice.put(`/devices/${alice.deviceId}`, { display_name: 'kitchen tablet' });
    const seen = (await asksFor(bob, alice)).device_keys[alice.userId][alice.deviceId];
    assert.deepEqual(seen.unsigned, { device_display_name: 'kitchen tablet' });
  } finally {
    await world.stop();
  }
});
