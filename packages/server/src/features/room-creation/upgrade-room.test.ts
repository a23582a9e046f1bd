import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const state = (viewer: Person, room: string, type: string, key = ''): Promise<any> =>
  viewer.get(`/rooms/${room}/state/${type}/${key}`);

async function upgrades(person: Person, room: string, body: Record<string, unknown>): Promise<string> {
  return (await person.post(`/rooms/${room}/upgrade`, body)).replacement_room;
}

forEachHomeserver('room upgrades', ({ test }) => {
  test('what makes the room comes along, who is banned stays banned, and the old room is closed', async ({ homeserver }) => {
    const [alice, bob, mallory] = await Promise.all(['alice', 'bob', 'mallory'].map((name) => homeserver.person(name)));
    assert.ok(alice && bob && mallory);
    const old = await alice.createsRoom({
      room_version: '9',
      preset: 'public_chat',
      name: 'The Hive',
      topic: 'Honey',
      creation_content: { type: 'm.space', 'm.federate': false },
      initial_state: [
        { type: 'm.room.avatar', content: { url: 'mxc://hive.example/bee' } },
        { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
        { type: 'm.room.server_acl', content: { allow: ['*'], deny: ['evil.example'] } },
        { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        { type: 'm.space.child', state_key: '!child:hive.example', content: { via: ['hive.example'] } },
        { type: 'm.space.child', state_key: '!gone:hive.example', content: {} },
        { type: 'org.example.colour', content: { colour: 'yellow' } },
      ],
      power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 50 }, invite: 20 },
    });
    await bob.joins(old);
    await alice.post(`/rooms/${old}/ban`, { user_id: mallory.userId, reason: 'stings' });
    const last = await alice.says('we are moving', old);

    const fresh = await upgrades(alice, old, { new_version: '12' });

    const create = await state(alice, fresh, 'm.room.create');
    assert.deepEqual(create, {
      room_version: '12',
      type: 'm.space',
      'm.federate': false,
      predecessor: { room_id: old, event_id: last },
    });
    for (const type of ['name', 'topic', 'avatar', 'history_visibility', 'server_acl', 'encryption', 'join_rules']) {
      assert.deepEqual(await state(alice, fresh, `m.room.${type}`), await state(alice, old, `m.room.${type}`), type);
    }
    assert.deepEqual(await state(alice, fresh, 'm.space.child', '!child:hive.example'), { via: ['hive.example'] });
    const notThere = { status: 404, errcode: 'M_NOT_FOUND' };
    await alice.isRefused('GET', `/rooms/${fresh}/state/m.space.child/!gone:hive.example`, notThere);
    await alice.isRefused('GET', `/rooms/${fresh}/state/org.example.colour`, notThere);
    assert.deepEqual(await state(alice, fresh, 'm.room.member', mallory.userId), { membership: 'ban', reason: 'stings' });
    const levels = await state(alice, fresh, 'm.room.power_levels');
    assert.deepEqual([levels.users, levels.invite], [{ [bob.userId]: 50 }, 20]);
    assert.ok(levels.events['m.room.tombstone'] > levels.state_default);

    const tombstone = await state(alice, old, 'm.room.tombstone');
    assert.equal(tombstone.replacement_room, fresh);
    const closed = await state(alice, old, 'm.room.power_levels');
    assert.deepEqual([closed.events_default, closed.invite], [50, 50]);
    await bob.joins(fresh);
    await mallory.isRefused('POST', `/join/${fresh}`, { status: 403, errcode: 'M_BAD_STATE' }, { body: {} });
  });

  test('a moderator who may close the room carries over what she could not have set', async ({ homeserver }) => {
    const [alice, carol] = await Promise.all([homeserver.person('alice'), homeserver.person('carol')]);
    const old = await alice.createsRoom({
      room_version: '10',
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.server_acl', content: { allow: ['*'] } }],
      power_level_content_override: {
        users: { [alice.userId]: 100, [carol.userId]: 60 },
        events: { 'm.room.tombstone': 60, 'm.room.server_acl': 100 },
      },
    });
    await carol.joins(old);
    const fresh = await upgrades(carol, old, { new_version: '11' });
    assert.deepEqual(await state(carol, fresh, 'm.room.server_acl'), { allow: ['*'] });
    const levels = await state(carol, fresh, 'm.room.power_levels');
    assert.deepEqual(levels.users, { [alice.userId]: 100, [carol.userId]: 60 });
  });

  test('creators of version 12 are named anew, and become ordinary great ones in older versions', async ({ homeserver }) => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => homeserver.person(name)));
    assert.ok(alice && bob && carol);
    const old = await alice.createsRoom({ creation_content: { additional_creators: [bob.userId] } });
    const twelve = await upgrades(alice, old, { new_version: '12', additional_creators: [carol.userId, alice.userId] });
    assert.deepEqual((await state(alice, twelve, 'm.room.create')).additional_creators, [carol.userId]);
    const eleven = await upgrades(alice, twelve, { new_version: '11', additional_creators: [bob.userId] });
    assert.equal((await state(alice, eleven, 'm.room.create')).additional_creators, undefined);
    const { users } = await state(alice, eleven, 'm.room.power_levels');
    assert.equal(users[alice.userId], users[carol.userId]);
    assert.ok(users[alice.userId] >= 150);
  });

  test('join rules that the new version does not know become invites', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!space:hive.example' }] };
    const old = await alice.createsRoom({ initial_state: [{ type: 'm.room.join_rules', content: rules }] });
    const kept = await upgrades(alice, old, { new_version: '9' });
    assert.deepEqual(await state(alice, kept, 'm.room.join_rules'), rules);
    const lost = await upgrades(alice, kept, { new_version: '6' });
    assert.deepEqual(await state(alice, lost, 'm.room.join_rules'), { join_rule: 'invite' });
  });

  test('aliases and the canonical one move to the new room', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const name = `hive${alice.localpart}`;
    const alias = `#${name}:hive.example`;
    const old = await alice.createsRoom({ room_alias_name: name });
    const fresh = await upgrades(alice, old, { new_version: '11' });
    const { room_id: found } = await alice.get(`/directory/room/${encodeURIComponent(alias)}`);
    assert.equal(found, fresh);
    assert.deepEqual(await state(alice, fresh, 'm.room.canonical_alias'), { alias });
    assert.deepEqual(await state(alice, old, 'm.room.canonical_alias'), {});
    await alice.isRefused('POST', '/createRoom', { status: 400, errcode: 'M_ROOM_IN_USE' }, { body: { room_alias_name: name } });
  });

  test('what Bob keeps about the room is there when he joins its replacement', async ({ homeserver }) => {
    const { alice, bob, room: old } = await homeserver.twoFriendsInARoom();
    const mallory = await homeserver.person('mallory');
    const own = `/user/${bob.userId}`;
    await bob.put(`${own}/rooms/${old}/tags/m.favourite`, { order: 0.5 });
    await bob.put(`${own}/account_data/m.direct`, { [alice.userId]: [old], [mallory.userId]: ['!other:hive.example'] });
    await bob.put(`/pushrules/global/room/${old}`, { actions: [] });
    const mute = { actions: [], conditions: [{ kind: 'event_match', key: 'room_id', pattern: old }] };
    await bob.put(`/pushrules/global/override/${old}`, mute);
    const fresh = await upgrades(alice, old, { new_version: '11' });
    await bob.syncs();
    await bob.joins(fresh);
    // The rules are the last to follow.
    await bob.syncsUntil((answer) => answer.account_data?.events?.some(({ type }: { type: string }) => type === 'm.push_rules'));
    const { tags } = await bob.get(`${own}/rooms/${fresh}/tags`);
    assert.deepEqual(tags, { 'm.favourite': { order: 0.5 } });
    const direct = await bob.get(`${own}/account_data/m.direct`);
    assert.deepEqual(direct, { [alice.userId]: [old, fresh], [mallory.userId]: ['!other:hive.example'] });
    const { global } = await bob.get('/pushrules/');
    const ids = (kind: string): string[] => global[kind].map((rule: { rule_id: string }) => rule.rule_id);
    assert.deepEqual(ids('room').sort(), [old, fresh].sort());
    assert.ok(ids('override').includes(fresh));
    await mallory.joins(fresh);
    assert.deepEqual(await mallory.get(`/user/${mallory.userId}/rooms/${fresh}/tags`), { tags: {} });
  });

  test('who may not close the room may not replace it', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const mallory = await homeserver.person('mallory');
    const path = `/rooms/${room}/upgrade`;
    const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
    await bob.isRefused('POST', path, forbidden, { body: { new_version: '12' } });
    await mallory.isRefused('POST', path, forbidden, { body: { new_version: '12' } });
    await alice.isRefused('POST', path, { status: 400, errcode: 'M_UNSUPPORTED_ROOM_VERSION' }, { body: { new_version: '99' } });
    await alice.isRefused('POST', path, { status: 400, errcode: 'M_BAD_JSON' }, { body: {} });
    const strangers = { new_version: '12', additional_creators: ['bob'] };
    await alice.isRefused('POST', path, { status: 400, errcode: 'M_BAD_JSON' }, { body: strangers });
    const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
    await alice.isRefused('POST', '/rooms/!none:hive.example/upgrade', notFound, { body: { new_version: '12' } });
    await alice.isRefused('GET', `/rooms/${room}/state/m.room.tombstone`, notFound);
  });
});
