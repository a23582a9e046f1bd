import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Json } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import type { UserRequester } from '../../platform/http/index.ts';
import type { Viewer } from '../../rooms/index.ts';
import { member, openHive, type Hive } from '../hive.fixture.ts';
import { profilesFeature, type ProfilesNeeds } from './index.ts';
import { checkKey, emptyProfile, profileJson, withField, withoutField } from './profile.ts';

test('fields have names, values and limits', () => {
  const set = (key: string, value: Json) => profileJson(withField(emptyProfile, key, value));
  assert.deepEqual(set('displayname', 'Alice'), { displayname: 'Alice' });
  assert.deepEqual(set('displayname', ''), {});
  assert.deepEqual(set('avatar_url', 'mxc://hive.example/abc'), { avatar_url: 'mxc://hive.example/abc' });
  assert.deepEqual(set('org.example.mood', null), { 'org.example.mood': null });
  assert.deepEqual(profileJson(withoutField(withField(emptyProfile, 'm.tz', 'Europe/Berlin'), 'm.tz')), {});
  assert.throws(() => set('displayname', 'x'.repeat(257)), { errcode: 'M_INVALID_PARAM' });
  assert.throws(() => set('displayname', 7), { errcode: 'M_BAD_JSON' });
  assert.throws(() => set('avatar_url', 'https://hive.example/abc'), { errcode: 'M_INVALID_PARAM' });
  assert.throws(() => set('m.tz', 1), { errcode: 'M_BAD_JSON' });
  assert.throws(() => set('org.example.book', 'x'.repeat(65_536)), { errcode: 'M_PROFILE_TOO_LARGE' });
  for (const key of ['displayname', 'm.tz', 'org.example.a_b-c']) checkKey(key);
  for (const key of ['', 'Name', '1st', 'a b', '__proto__']) assert.throws(() => checkKey(key), { errcode: 'M_INVALID_PARAM' });
  assert.throws(() => checkKey('a'.repeat(256)), { errcode: 'M_KEY_TOO_LARGE' });
});

function requesterOf({ userId, userNid }: Viewer, about: Partial<UserRequester> = {}): UserRequester {
  return {
    kind: 'user',
    userId,
    userNid,
    isGuest: false,
    isAdmin: false,
    tokenId: userId,
    locked: false,
    suspended: false,
    shadowBanned: false,
    ...about,
  };
}

function profilesOf(hive: Hive, settings: Partial<ProfilesNeeds['config']> = {}) {
  const people = new Set<string>(Object.values(hive.people).map(({ userId }) => userId));
  return profilesFeature({
    ...hive,
    config: {
      allow_profile_lookup_over_federation: true,
      require_auth_for_profile_requests: false,
      limit_profile_requests_to_users_who_share_rooms: false,
      enable_set_displayname: true,
      enable_set_avatar_url: true,
      max_avatar_size: null,
      allowed_avatar_mimetypes: null,
      ...settings,
    },
    accounts: { exists: async (userId: UserId) => people.has(userId) },
  });
}

async function memberContent(hive: Hive, roomNid: number, who: Viewer) {
  return (await hive.rooms.states.current(roomNid, 'm.room.member', who.userId))?.content;
}

forEachDatabase('profiles', ({ test }) => {
  test("a new name is in all of Bob's rooms, each once", async ({ database }) => {
    const hive = await openHive(database);
    const { bob } = hive.people;
    const [tea, cake] = [await hive.friendsInARoom(), await hive.friendsInARoom()];
    const left = await hive.friendsInARoom(member(bob, 'leave'));
    const { profiles } = profilesOf(hive);
    await profiles.set(requesterOf(bob), bob.userId, 'displayname', 'Bobby');
    const position = hive.rooms.stream.now;
    for (const { room } of [tea, cake]) {
      assert.deepEqual(await memberContent(hive, room.nid, bob), { membership: 'join', displayname: 'Bobby' });
    }
    assert.deepEqual(await memberContent(hive, left.room.nid, bob), { membership: 'leave' });
    await profiles.set(requesterOf(bob), bob.userId, 'displayname', 'Bobby');
    await profiles.set(requesterOf(bob), bob.userId, 'm.tz', 'Europe/Berlin');
    assert.equal(hive.rooms.stream.now, position);
    await profiles.remove(requesterOf(bob), bob.userId, 'displayname');
    assert.deepEqual(await memberContent(hive, tea.room.nid, bob), { membership: 'join' });
  });

  test('what was not told when the server ended is told afterwards', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const feature = profilesOf(hive);
    await feature.stop?.();
    await feature.profiles.set(requesterOf(bob), bob.userId, 'displayname', 'Bobby');
    assert.deepEqual(await memberContent(hive, room.nid, bob), { membership: 'join' });

    const later = await openHive(await reopen());
    const again = profilesOf(later);
    await again.jobs?.[0]?.run();
    assert.deepEqual(await memberContent(later, room.nid, bob), { membership: 'join', displayname: 'Bobby' });
    const position = later.rooms.stream.now;
    await again.jobs?.[0]?.run();
    assert.equal(later.rooms.stream.now, position);
  });

  test('changes that come at once end as the last one', async ({ database }) => {
    const hive = await openHive(database);
    const { bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { profiles } = profilesOf(hive);
    const set = (key: string, value: string) => profiles.set(requesterOf(bob), bob.userId, key, value);
    await Promise.all([set('displayname', 'B'), set('avatar_url', 'mxc://hive.example/b'), set('displayname', 'Bobby')]);
    const expected = { displayname: 'Bobby', avatar_url: 'mxc://hive.example/b' };
    assert.deepEqual(await profiles.profileOf(bob.userId), expected);
    assert.deepEqual(await memberContent(hive, room.nid, bob), { membership: 'join', ...expected });
  });

  test('nobody who has left is brought back', async ({ database }) => {
    const hive = await openHive(database);
    const { bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(bob, 'leave')]);
    const { profiles } = profilesOf(hive);
    await profiles.set(requesterOf(bob), bob.userId, 'displayname', 'Bobby');
    assert.deepEqual(await memberContent(hive, room.nid, bob), { membership: 'leave' });
    // Nothing is sent in the place of an event that is no longer in force.
    const sent = await hive.rooms.send(room, [member(bob, 'join')], { onlyInPlaceOf: 1 });
    assert.deepEqual(sent, []);
  });

  test('who may look, and who may change', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    await hive.friendsInARoom();
    const open = profilesOf(hive).profiles;
    const anonymous = { kind: 'anonymous' } as const;
    await open.create(alice, 'alice');
    await open.create(alice, 'somebody else');
    assert.deepEqual(profileJson(await open.look(anonymous, alice.userId)), { displayname: 'alice' });
    assert.deepEqual(await open.look(anonymous, bob.userId), emptyProfile);
    for (const stranger of ['@nobody:hive.example', '@alice:elsewhere.example']) {
      await assert.rejects(open.look(anonymous, stranger as UserId), { errcode: 'M_NOT_FOUND' });
    }
    const guest = requesterOf(mallory, { isGuest: true });
    await open.set(guest, mallory.userId, 'displayname', 'M');
    await assert.rejects(open.set(guest, mallory.userId, 'm.tz', 'UTC'), { errcode: 'M_GUEST_ACCESS_FORBIDDEN' });
    await assert.rejects(open.set(requesterOf(mallory), alice.userId, 'displayname', 'X'), { errcode: 'M_FORBIDDEN' });
    await open.set(requesterOf(mallory, { isAdmin: true }), alice.userId, 'displayname', 'Alice');

    const { profiles } = profilesOf(hive, {
      limit_profile_requests_to_users_who_share_rooms: true,
      enable_set_displayname: false,
      allowed_avatar_mimetypes: ['image/png'],
    });
    assert.equal((await profiles.look(requesterOf(bob), alice.userId)).displayname, 'Alice');
    await assert.rejects(profiles.look(requesterOf(mallory), alice.userId), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(profiles.look(anonymous, alice.userId), { errcode: 'M_MISSING_TOKEN' });
    await assert.rejects(profiles.set(requesterOf(alice), alice.userId, 'displayname', 'A'), { errcode: 'M_FORBIDDEN' });
    await profiles.set(requesterOf(bob), bob.userId, 'displayname', 'Bob');
    await assert.rejects(profiles.remove(requesterOf(bob), bob.userId, 'displayname'), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(profiles.set(requesterOf(bob), bob.userId, 'avatar_url', 'mxc://hive.example/a'), {
      errcode: 'M_FORBIDDEN',
    });
    await profiles.forget(alice.userNid);
    assert.deepEqual(await profiles.profileOf(alice.userId), {});
  });
});
