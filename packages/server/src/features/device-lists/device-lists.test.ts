import assert from 'node:assert/strict';

import type { UserId } from '@myelin/protocol/identifiers';
import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { decodeSyncToken, encodeSyncToken } from '../../platform/streams/index.ts';
import { Identity } from '../device-keys/key-ring.fixture.ts';
import { member } from '../hive.fixture.ts';

const renames = (person: Person, name = 'tablet') => person.put(`/devices/${person.deviceId}`, { display_name: name });
const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } };
const encryptedRoom = { preset: 'public_chat', initial_state: [encryption] };

/** Waits until a sync tells of somebody's devices. */
const hearsOf = (person: Person, list: 'changed' | 'left', other: Person) =>
  person.syncsUntil(({ device_lists }) => device_lists?.[list]?.includes(other.userId) && device_lists);

forEachHomeserver('device lists', ({ test, testWith }) => {
  test("Bob hears that Alice's devices have changed; Mallory, who shares no room with her, does not", async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    const mallory = await homeserver.person('mallory');
    const first = await bob.syncs();
    assert.equal(first.device_lists, undefined, 'a first sync tells of nobody');
    await Promise.all([alice.syncs(), mallory.syncs()]);
    const waiting = hearsOf(bob, 'changed', alice);
    await renames(alice);
    assert.deepEqual(await waiting, { changed: [alice.userId], left: [] });
    await hearsOf(alice, 'changed', alice);
    await alice.createsRoom();
    assert.equal((await mallory.syncs()).device_lists, undefined);
    const { changed } = await bob.get('/keys/changes', { from: first.next_batch, to: bob.since as string });
    assert.deepEqual(changed, [alice.userId]);
    assert.deepEqual(await bob.get('/keys/changes', { from: bob.since as string, to: bob.since as string }), {
      changed: [],
      left: [],
    });
  });

  test('whose token is ahead of a restored database hears of all that has changed', async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    await renames(alice);
    await hearsOf(bob, 'changed', alice);
    const token = decodeSyncToken(bob.since as string);
    assert.ok(token);
    const since = encodeSyncToken({ ...token, device_lists: token.device_lists + 1000 });
    const { changed } = await bob.get('/keys/changes', { from: since, to: since });
    assert.ok(changed.includes(alice.userId));
    const told = await bob.get('/sync', { since });
    assert.ok(told.device_lists.changed.includes(alice.userId));
    assert.equal((await bob.get('/sync', { since: told.next_batch })).device_lists, undefined, 'once');
  });

  test('a device that is logged out changes the list', async ({ homeserver }) => {
    const { alice, bob } = await homeserver.twoFriendsInARoom();
    const phone = await homeserver.anotherDeviceOf(alice);
    await bob.syncs();
    await phone.post('/logout');
    await hearsOf(bob, 'changed', alice);
  });

  test('who comes into a room is known to all there, and all there to them', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await Promise.all([alice.syncs(), bob.syncs(), carol.syncs()]);
    await carol.joins(room);
    const told = await carol.syncsUntil(({ device_lists }) => device_lists);
    assert.deepEqual(told.changed.toSorted(), [alice.userId, bob.userId].toSorted());
    assert.deepEqual((await hearsOf(alice, 'changed', carol)).left, []);
    await hearsOf(bob, 'changed', carol);
  });

  test('who goes is left only by those with whom they share no other room', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await carol.joins(room);
    const another = await alice.createsRoom(encryptedRoom);
    await carol.joins(another);
    await Promise.all([alice.syncs(), bob.syncs(), carol.syncs()]);
    const from = { alice: alice.since as string, bob: bob.since as string };
    await carol.leaves(room);
    await hearsOf(bob, 'left', carol);
    const { device_lists } = await alice.syncs();
    assert.equal(device_lists, undefined, 'they share another room');
    assert.deepEqual(await bob.get('/keys/changes', { from: from.bob, to: bob.since as string }), {
      changed: [],
      left: [carol.userId],
    });
    assert.deepEqual((await alice.get('/keys/changes', { from: from.alice, to: alice.since as string })).left, []);
    assert.deepEqual((await carol.syncs()).device_lists, { changed: [], left: [bob.userId] });
    // Nobody follows her now who does not share a room with her.
    await renames(carol);
    await hearsOf(alice, 'changed', carol);
    await renames(alice);
    assert.deepEqual(await hearsOf(bob, 'changed', alice), { changed: [alice.userId], left: [] });
  });

  test('whoever leaves is left by those who were there, also who went shortly before, and by none who came later', async ({
    homeserver,
  }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const [carol, dora] = [await homeserver.person('carol'), await homeserver.person('dora')];
    await carol.joins(room);
    await bob.syncs();
    await carol.leaves(room);
    await bob.leaves(room);
    await dora.joins(room);
    const { device_lists: told } = await bob.syncs();
    assert.deepEqual([told.changed, told.left.toSorted()], [[], [alice.userId, carol.userId].toSorted()]);
  });

  test('whoever leaves and comes back is told of all again', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.syncs();
    await alice.leaves(room);
    await renames(alice);
    await alice.joins(room);
    assert.deepEqual(await hearsOf(bob, 'changed', alice), { changed: [alice.userId], left: [] });
  });

  test('a room that becomes encrypted makes its members known to each other', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await Promise.all([alice.syncs(), bob.syncs()]);
    await alice.setsState(room, 'm.room.encryption', encryption.content);
    assert.deepEqual(await hearsOf(bob, 'changed', alice), { changed: [alice.userId], left: [] });
    assert.deepEqual(await hearsOf(alice, 'changed', bob), { changed: [bob.userId], left: [] });
    await alice.setsState(room, 'm.room.encryption', { ...encryption.content, rotation_period_msgs: 50 });
    assert.equal((await bob.waitsForSync()).device_lists, undefined, 'it was encrypted before');
  });

  test('tokens that are none of this server are refused', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    await alice.syncs();
    const good = alice.since as string;
    for (const [from, to] of [
      ['nonsense', good],
      [good, 's999999999_1'],
      ['', good],
    ]) {
      const expected = { status: 400, errcode: 'M_INVALID_PARAM' };
      await alice.isRefused('GET', '/keys/changes', expected, { query: { from, to } });
    }
    await alice.isRefused('GET', '/keys/changes', { status: 400, errcode: 'M_MISSING_PARAM' }, { query: { from: good } });
  });

  test('that Alice has verified Bob is news for her other devices alone', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await carol.joins(room);
    const [hers, his] = [new Identity(alice), new Identity(bob)];
    await hers.publishes();
    await his.publishes();
    const phone = await homeserver.anotherDeviceOf(alice);
    await Promise.all([phone.syncs(), carol.syncs(), bob.syncs()]);
    await phone.syncs();
    const from = carol.since as string;
    await hers.verifies(his);
    assert.deepEqual(await hearsOf(phone, 'changed', bob), { changed: [bob.userId], left: [] });
    for (const other of [bob, carol]) {
      const { changed } = await other.get('/keys/changes', { from, to: from });
      assert.ok(!changed.includes(bob.userId), other.userId);
    }
  });

  test('in a large room without encryption nobody is told of all its members, in one with it they are', async ({
    homeserver,
  }) => {
    const alice = await homeserver.person('alice');
    const carol = await homeserver.person('carol');
    const { rooms } = homeserver.server.needs;
    const large = async (options: object): Promise<string> => {
      const roomId = await alice.createsRoom({ preset: 'public_chat', ...options });
      const room = await rooms.ids.find(roomId);
      assert.ok(room);
      for (let start = 0; start < 1000; start += 250) {
        const users = Array.from({ length: 250 }, (_, index) => `@member${start + index}:${homeserver.serverName}` as UserId);
        await rooms.send(
          room,
          users.map((userId) => member({ userId, userNid: 0, isGuest: false }, 'join')),
        );
      }
      return roomId;
    };
    const [plain, encrypted] = [await large({}), await large(encryptedRoom)];
    await carol.syncs();
    await carol.joins(plain);
    await carol.syncsUntil((answer) => answer.rooms?.join?.[plain]);
    const from = carol.since as string;
    assert.deepEqual((await carol.syncs()).device_lists, undefined);
    await carol.joins(encrypted);
    const { changed } = await carol.syncsUntil(({ device_lists }) => device_lists);
    assert.equal(changed.length, 1001);
    await carol.leaves(encrypted);
    const told = await carol.get('/keys/changes', { from, to: from });
    assert.deepEqual(told, { changed: [], left: [] }, 'they are in the other room together');
    await carol.leaves(plain);
    const { left } = await carol.get('/keys/changes', { from, to: from });
    assert.equal(left.length, 1001);
  });

  testWith('a restart forgets nothing: tokens from before it still tell what came after them', {}, async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const [carol, dora] = await Promise.all([homeserver.person('carol'), homeserver.person('dora')]);
    await carol.joins(room);
    await Promise.all([alice.syncs(), bob.syncs()]);
    const from = bob.since as string;
    await renames(alice);
    await carol.leaves(room);
    await dora.joins(room);
    await hearsOf(alice, 'changed', alice);
    await homeserver.restart();
    const { changed, left } = await bob.get('/keys/changes', { from, to: from });
    assert.deepEqual(
      { changed: changed.toSorted(), left },
      { changed: [alice.userId, dora.userId].toSorted(), left: [carol.userId] },
    );
    const told = (await bob.syncs()).device_lists;
    assert.deepEqual(told.changed.toSorted(), [alice.userId, dora.userId].toSorted());
    assert.deepEqual(told.left, [carol.userId]);
    // Positions go on where they ended.
    await renames(alice, 'another name');
    await hearsOf(bob, 'changed', alice);
  });
});
