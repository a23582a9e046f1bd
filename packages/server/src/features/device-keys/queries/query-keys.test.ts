import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing/homeserver';

import { asksFor, DeviceCrypto, Identity } from '../key-ring.fixture.ts';

forEachHomeserver('queries of many users', ({ test }) => {
  test('a large answer, which is made while it is read, tells of each what a small one tells', async ({ homeserver }) => {
    const [alice, bob, carol] = [
      await homeserver.person('alice'),
      await homeserver.person('bob'),
      await homeserver.person('carol'),
    ];
    for (const each of [alice, bob, carol]) await new DeviceCrypto(each).publishes();
    const [ofAlice, ofBob] = [new Identity(alice), new Identity(bob)];
    for (const each of [ofAlice, ofBob, new Identity(carol)]) await each.publishes();
    assert.deepEqual(await ofBob.verifies(ofAlice), {});
    const nobodies = (from: number) => Array.from({ length: 400 }, (_, at) => `@nobody-${from + at}:${homeserver.serverName}`);
    const crowd = [bob.userId, ...nobodies(0), carol.userId, ...nobodies(400), alice.userId];
    const small = await asksFor(bob, alice, bob, carol);
    const large = await bob.post('/keys/query', { device_keys: Object.fromEntries(crowd.map((userId) => [userId, []])) });
    assert.equal(Object.keys(large.device_keys).length, crowd.length);
    const nothing = Object.fromEntries([...nobodies(0), ...nobodies(400)].map((userId) => [userId, {}]));
    assert.deepEqual(large, { ...small, device_keys: { ...nothing, ...small.device_keys } });
    assert.deepEqual(Object.keys(large.user_signing_keys), [bob.userId]);
    assert.deepEqual(Object.keys(large.master_keys[alice.userId].signatures[bob.userId]), [ofBob.userSigning.keyId]);
  });
});
