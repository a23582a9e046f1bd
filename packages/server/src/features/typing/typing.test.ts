import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { member, openHive, says, type Hive } from '../hive.fixture.ts';
import { typingFeature } from './index.ts';

async function typistsOf(hive: Hive) {
  const feature = await typingFeature(hive);
  const [source] = feature.sync ?? [];
  assert.ok(source);
  const woken: number[] = [];
  hive.notifier.onWake((stream, position) => {
    if (stream === 'typing') woken.push(position);
  });
  return { feature, typing: feature.typing, source, woken };
}

function users(part: { ephemeral?: ReadonlyMap<number, readonly string[]> }, roomNid: number): readonly string[] | undefined {
  const [text] = part.ephemeral?.get(roomNid) ?? [];
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { content: { user_ids: string[] } }).content.user_ids;
}

forEachDatabase('typing', ({ test }) => {
  test('Bob sees Alice begin and stop; what goes on is no news', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { typing, source, woken } = await typistsOf(hive);
    const scope = hive.scope(bob, [room.nid]);
    let since = source.now();
    const news = async () => {
      const part = await source.changes(scope, since, source.now());
      since = source.now();
      return users(part, room.nid);
    };
    assert.equal(await news(), undefined);
    await typing.set(alice, room.roomId, true);
    assert.deepEqual(await news(), [alice.userId]);
    hive.clock.advance(20_000);
    await typing.set(alice, room.roomId, true);
    assert.equal(await news(), undefined);
    assert.deepEqual(users(await source.everything(scope, since), room.nid), [alice.userId]);
    await typing.set(alice, room.roomId, false);
    assert.deepEqual(await news(), []);
    await typing.set(alice, room.roomId, false);
    assert.equal(await news(), undefined);
    assert.equal(woken.length, 2);
    assert.equal(hive.clock.pending, 0);
    await assert.rejects(typing.set(mallory, room.roomId, true), { errcode: 'M_FORBIDDEN' });
  });

  test('who says nothing more has stopped, each in their own time', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { typing, source } = await typistsOf(hive);
    const now = async () => users(await source.everything(hive.scope(bob, [room.nid]), source.now()), room.nid);
    await typing.set(alice, room.roomId, true, 10_000_000);
    await typing.set(bob, room.roomId, true, 60_000);
    await typing.set(bob, room.roomId, true, 5000);
    hive.clock.advance(4999);
    assert.deepEqual(await now(), [alice.userId, bob.userId]);
    hive.clock.advance(1);
    assert.deepEqual(await now(), [alice.userId]);
    hive.clock.advance(115_000);
    assert.equal(await now(), undefined);
    assert.equal(hive.clock.pending, 0);
  });

  test('who leaves or is ignored is seen no more', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { typing, source } = await typistsOf(hive);
    const seenByAlice = async () => users(await source.everything(hive.scope(alice, [room.nid]), source.now()), room.nid);
    await typing.set(bob, room.roomId, true);
    hive.rooms.hooks.ignoredUsers = async () => new Set([bob.userId]);
    assert.deepEqual(await seenByAlice(), []);
    hive.rooms.hooks.ignoredUsers = async () => new Set();
    assert.deepEqual(await seenByAlice(), [bob.userId]);
    await hive.rooms.send(room, [says(bob, 'bye'), member(bob, 'leave')]);
    assert.equal(await seenByAlice(), undefined);
  });

  test('a restart ends all typing, and old tokens hide nothing that is new', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { typing, source, feature } = await typistsOf(hive);
    await typing.set(alice, room.roomId, true);
    const since = source.now();
    await feature.stop?.();

    const later = await openHive(await reopen());
    later.clock.advance(1000);
    const again = await typistsOf(later);
    const scope = later.scope(bob, [room.nid]);
    assert.ok(again.source.now() > since);
    assert.deepEqual(users(await again.source.changes(scope, since, again.source.now()), room.nid), []);
    assert.deepEqual(await again.source.changes(scope, again.source.now(), again.source.now()), {});
    await again.typing.set(alice, room.roomId, true);
    assert.deepEqual(users(await again.source.changes(scope, since, again.source.now()), room.nid), [alice.userId]);
    // As if the clock had been set back.
    const ahead = again.source.now() + 1_000_000;
    assert.deepEqual(users(await again.source.changes(scope, ahead, again.source.now()), room.nid), [alice.userId]);
  });
});
