import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { asksFor, DeviceCrypto, Identity } from '../key-ring.fixture.ts';

const onlyShared = { experimental_features: { msc4263_limit_key_queries_to_users_who_share_rooms: true } };

/** Of whom a person is told, each with their device. */
async function told(person: Person, ...others: readonly Person[]): Promise<string[]> {
  const { device_keys } = await asksFor(person, ...others);
  for (const other of others) {
    const devices = device_keys[other.userId];
    if (devices) assert.deepEqual(Object.keys(devices), [other.deviceId]);
  }
  return Object.keys(device_keys);
}

forEachHomeserver('queries among those who share rooms', ({ testWith }) => {
  testWith('nobody is told of strangers, nor whether they exist', { config: onlyShared }, async ({ homeserver }) => {
    const names = ['alice', 'bob', 'carol', 'dora'] as const;
    const [alice, bob, carol, dora] = await Promise.all(names.map((name) => homeserver.person(name)));
    if (!alice || !bob || !carol || !dora) throw new Error('somebody is missing');
    for (const each of [alice, bob, carol, dora]) await new DeviceCrypto(each).publishes();
    await new Identity(carol).publishes();
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await bob.joins(room);
    assert.deepEqual(await told(alice, alice, bob, carol), [alice.userId, bob.userId]);
    assert.deepEqual(await told(carol, carol, alice, bob), [carol.userId]);
    const about = { [carol.userId]: [], '@nobody:hive.example': [], '@stranger:elsewhere.example': [], 'no user': [] };
    assert.deepEqual(
      await alice.post('/keys/query', { device_keys: about }),
      { failures: {}, device_keys: {}, master_keys: {}, self_signing_keys: {}, user_signing_keys: {} },
      'Carol is as unknown as those who are nowhere, and no other server is asked',
    );

    // Messages are encrypted for those who are invited, who must know by whose devices.
    await alice.invites(dora, room);
    assert.deepEqual(await told(alice, dora), [dora.userId]);
    assert.deepEqual(await told(dora, alice, bob), [alice.userId, bob.userId]);
    await dora.leaves(room);
    assert.deepEqual(await told(alice, dora), []);

    await carol.joins(room);
    assert.deepEqual(Object.keys((await asksFor(bob, carol)).master_keys), [carol.userId]);
    await alice.post(`/rooms/${room}/ban`, { user_id: carol.userId });
    assert.deepEqual(await told(alice, carol, bob), [bob.userId], 'who may be banned is anybody');
    await bob.leaves(room);
    assert.deepEqual(await told(bob, alice, bob), [bob.userId]);
  });

  testWith('of a thousand others those in the room are told', { config: onlyShared }, async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    await bob.joins(await alice.createsRoom({ preset: 'public_chat' }));
    const strangers = Array.from({ length: 1_100 }, (_, number) => `@stranger-${number}:elsewhere.example`);
    const asked = Object.fromEntries([...strangers, bob.userId].map((userId) => [userId, []]));
    assert.deepEqual(await alice.post('/keys/query', { device_keys: asked }), {
      failures: {},
      device_keys: { [bob.userId]: {} },
      master_keys: {},
      self_signing_keys: {},
      user_signing_keys: {},
    });
  });
});
