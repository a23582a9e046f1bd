import assert from 'node:assert/strict';

import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { openHive, state, type Hive } from '../hive.fixture.ts';
import { PolicyServersOfRooms } from './named-policy-servers.ts';

const via = 'owl.example' as ServerName;
const owl = { via, publicKey: 'the key of the owl' };
const owlUser = `@owl:${via}` as UserId;

forEachDatabase('which rooms have a policy server', ({ test }) => {
  const watched = (hive: Hive): PolicyServersOfRooms => {
    const policyServers = new PolicyServersOfRooms(hive);
    hive.rooms.hooks.persist.push(policyServers.hook);
    return policyServers;
  };
  const policy = { via, public_keys: { ed25519: owl.publicKey } };

  test('that a room has none costs nothing to know', async ({ database }) => {
    const hive = await openHive(database);
    const policyServers = watched(hive);
    const { room } = await hive.friendsInARoom();
    assert.equal(await policyServers.of(room), undefined);
    // It does not even promise an answer.
    assert.equal(policyServers.of(room), undefined);
    await hive.rooms.send(room, [state(hive.people.alice, 'm.room.topic', { topic: 'bees' })]);
    assert.equal(policyServers.of(room), undefined);
  });

  test('it counts from when the room names it and it is there until one of both ends, after a restart too', async ({
    database,
    reopen,
  }) => {
    const hive = await openHive(database);
    const policyServers = watched(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    assert.equal(await policyServers.of(room), undefined);
    await hive.rooms.send(room, [state(alice, 'm.room.policy', policy)]);
    assert.equal(await policyServers.of(room), undefined, 'it is not there');
    const membership = (is: string) => ({
      type: 'm.room.member',
      sender: owlUser,
      stateKey: owlUser,
      content: { membership: is },
    });
    await hive.rooms.send(room, [membership('join')]);
    assert.deepEqual(await policyServers.of(room), owl);
    // One with another state key, or whose name is none, names nobody.
    await hive.rooms.send(room, [state(alice, 'm.room.policy', {}, 'other')]);
    assert.deepEqual(await policyServers.of(room), owl);

    const again = await openHive(await reopen());
    const later = watched(again);
    assert.deepEqual(await later.of(room), owl);
    await again.rooms.send(room, [membership('leave')]);
    assert.equal(await later.of(room), undefined);
    await again.rooms.send(room, [membership('join')]);
    assert.deepEqual(await later.of(room), owl);
    await again.rooms.send(room, [state(again.people.alice, 'm.room.policy', {})]);
    assert.equal(await later.of(room), undefined);
  });
});
