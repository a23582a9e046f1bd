import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const membershipOf = async (viewer: Person, room: string, who: Person): Promise<any> =>
  viewer.get(`/rooms/${room}/state/m.room.member/${who.userId}`);

forEachHomeserver('room membership', ({ test, testWith }) => {
  test('Bob joins a space’s room because he is in the space, and Alice is named as who lets him in', async ({ homeserver }) => {
    const [alice, bob, mallory] = await Promise.all(['alice', 'bob', 'mallory'].map((name) => homeserver.person(name)));
    assert.ok(alice && bob && mallory);
    const space = await alice.createsRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } });
    for (const version of ['8', '10', '12']) {
      const rule = version === '8' ? 'restricted' : 'knock_restricted';
      const room = await alice.createsRoom({
        room_version: version,
        initial_state: [
          { type: 'm.room.join_rules', content: { join_rule: rule, allow: [{ type: 'm.room_membership', room_id: space }] } },
        ],
      });
      await mallory.isRefused('POST', `/join/${room}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
      await bob.joins(space);
      await bob.joins(room);
      const member = await membershipOf(alice, room, bob);
      assert.equal(member.join_authorised_via_users_server, alice.userId);
      await bob.leaves(room);
      await bob.leaves(space);
      await bob.isRefused('POST', `/join/${room}`, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
    }
  });

  test('nobody here may let Bob in once those who could have left', async ({ homeserver }) => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => homeserver.person(name)));
    assert.ok(alice && bob && carol);
    const space = await alice.createsRoom({ preset: 'public_chat' });
    await bob.joins(space);
    const join_rules = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] };
    const room = await alice.createsRoom({
      preset: 'public_chat',
      invite: [carol.userId],
      initial_state: [{ type: 'm.room.join_rules', content: join_rules }],
    });
    await carol.joins(room);
    await alice.leaves(room);
    const refusal = { status: 400, errcode: 'M_UNABLE_TO_GRANT_JOIN' };
    await bob.isRefused('POST', `/join/${room}`, refusal, { body: {} });
  });

  test('Mallory cannot name somebody who lets her in', async ({ homeserver }) => {
    const [alice, mallory] = await Promise.all([homeserver.person('alice'), homeserver.person('mallory')]);
    const room = await alice.createsRoom({
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow: [] } }],
    });
    const path = `/rooms/${room}/state/m.room.member/${mallory.userId}`;
    const body = { membership: 'join', join_authorised_via_users_server: alice.userId };
    await mallory.isRefused('PUT', path, { status: 403, errcode: 'M_FORBIDDEN' }, { body });
  });

  test('memberships can be set as state, under the same rules', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    await alice.setsState(room, 'm.room.member', { membership: 'invite', is_direct: true }, carol.userId);
    assert.equal((await membershipOf(alice, room, carol)).is_direct, true);
    await carol.setsState(room, 'm.room.member', { membership: 'join', displayname: 'Carol of the hive' }, carol.userId);
    assert.equal((await membershipOf(alice, room, carol)).displayname, 'Carol of the hive');
    await alice.setsState(room, 'm.room.member', { membership: 'ban' }, carol.userId);
    const of = (who: Person): string => `/rooms/${room}/state/m.room.member/${who.userId}`;
    const badState = { status: 403, errcode: 'M_BAD_STATE' };
    await alice.isRefused('PUT', of(carol), badState, { body: { membership: 'invite' } });
    await bob.isRefused('PUT', of(bob), { status: 400, errcode: 'M_BAD_JSON' }, { body: { membership: 'lurk' } });
    await bob.isRefused('PUT', of(bob), { status: 400, errcode: 'M_BAD_JSON' }, { body: {} });
    const nameless = { membership: 'join', displayname: 7 };
    await bob.isRefused('PUT', of(bob), { status: 400, errcode: 'M_BAD_JSON' }, { body: nameless });
  });

  test('who joins twice is in the room once', async ({ homeserver }) => {
    const { bob, room } = await homeserver.twoFriendsInARoom();
    const before = await bob.get(`/rooms/${room}/state/m.room.member/${bob.userId}`, { format: 'event' });
    assert.deepEqual(await bob.joins(room), { room_id: room });
    const after = await bob.get(`/rooms/${room}/state/m.room.member/${bob.userId}`, { format: 'event' });
    assert.equal(after.event_id, before.event_id);
  });

  test('a room is forgotten only by those who are not in it', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await bob.isRefused('POST', `/rooms/${room}/forget`, { status: 400, errcode: 'M_UNKNOWN' });
    await bob.leaves(room);
    await bob.get(`/rooms/${room}/state`);
    await bob.post(`/rooms/${room}/forget`);
    await bob.isRefused('GET', `/rooms/${room}/state`, { status: 403, errcode: 'M_FORBIDDEN' });
    await bob.joins(room);
    assert.equal((await membershipOf(alice, room, bob)).membership, 'join');
  });

  const alone = { config: { federation_domain_whitelist: [] } };
  testWith(
    'rooms that nobody here knows, and people who cannot be, on a server that stands alone',
    alone,
    async ({ homeserver }) => {
      const { alice, room } = await homeserver.twoFriendsInARoom();
      const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
      const nowhere = '!nowhere:elsewhere.example';
      await alice.isRefused('POST', `/join/${nowhere}`, notFound, { body: {} });
      await alice.isRefused('POST', `/join/${encodeURIComponent('#nowhere:elsewhere.example')}`, notFound, { body: {} });
      await alice.isRefused('POST', `/rooms/${nowhere}/leave`, notFound, { body: {} });
      await alice.isRefused('POST', `/knock/${nowhere}`, notFound, { body: {} });
      await alice.isRefused('POST', `/rooms/${nowhere}/invite`, notFound, { body: { user_id: alice.userId } });
      const invite = `/rooms/${room}/invite`;
      const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
      await alice.isRefused('POST', invite, forbidden, { body: { user_id: '@bob:elsewhere.example' } });
      await alice.isRefused('POST', invite, { status: 400, errcode: 'M_INVALID_PARAM' }, { body: { user_id: '@bob' } });
      await alice.isRefused('POST', invite, { status: 400, errcode: 'M_BAD_JSON' }, { body: {} });
    },
  );

  test('Bob sees who is in the room, who was, and who was at an earlier moment', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const carol = await homeserver.person('carol');
    const { next_batch: before } = await alice.get('/sync', { timeout: 0 });
    await alice.invites(carol, room);
    const who = async (query: Record<string, string>): Promise<string[]> => {
      const { chunk } = await bob.get(`/rooms/${room}/members`, query);
      return chunk.map((event: { state_key: string }) => event.state_key).sort();
    };
    const everybody = [alice.userId, bob.userId, carol.userId].sort();
    assert.deepEqual(await who({}), everybody);
    assert.deepEqual(await who({ membership: 'invite' }), [carol.userId]);
    assert.deepEqual(await who({ not_membership: 'invite' }), [alice.userId, bob.userId].sort());
    assert.deepEqual(await who({ membership: 'invite', not_membership: 'leave' }), everybody);
    assert.deepEqual(await who({ at: before }), [alice.userId, bob.userId].sort());
    await bob.isRefused('GET', `/rooms/${room}/members`, { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { at: 'never' } });

    const { joined } = await bob.get(`/rooms/${room}/joined_members`);
    assert.deepEqual(Object.keys(joined).sort(), [alice.userId, bob.userId].sort());
    assert.deepEqual(await bob.get('/joined_rooms'), { joined_rooms: [room] });

    await bob.leaves(room);
    await carol.joins(room);
    assert.deepEqual(await who({ membership: 'join' }), [alice.userId], 'Bob sees what he left behind');
    await bob.isRefused('GET', `/rooms/${room}/joined_members`, { status: 403, errcode: 'M_FORBIDDEN' });
    const mallory = await homeserver.person('mallory');
    await mallory.isRefused('GET', `/rooms/${room}/members`, { status: 403, errcode: 'M_FORBIDDEN' });
    assert.deepEqual(await bob.get('/joined_rooms'), { joined_rooms: [] });
  });

  test('Bob takes no invites until he says otherwise', async ({ homeserver }) => {
    const [alice, bob] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
    const room = await alice.createsRoom();
    const setting = `/user/${bob.userId}/account_data/m.invite_permission_config`;
    await bob.put(setting, { default_action: 'block' });
    const blocked = { status: 403, errcode: 'M_INVITE_BLOCKED' };
    await alice.isRefused('POST', `/rooms/${room}/invite`, blocked, { body: { user_id: bob.userId } });
    await alice.isRefused('POST', '/createRoom', blocked, { body: { invite: [bob.userId] } });
    const member = `/rooms/${room}/state/m.room.member/${bob.userId}`;
    await alice.isRefused('PUT', member, blocked, { body: { membership: 'invite' } });
    await bob.put(setting, {});
    await alice.invites(bob, room);
  });

  const guests = { allow_guest_access: true };
  testWith('guests come where they are let in, and go when they are not any more', { config: guests }, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { body } = await homeserver.request('POST', '/register', { query: { kind: 'guest' }, body: {} });
    const asGuest = { token: body.access_token, body: {} };
    const closed = await alice.createsRoom({ preset: 'public_chat' });
    const open = await alice.createsRoom({ preset: 'public_chat' });
    await alice.setsState(open, 'm.room.guest_access', { guest_access: 'can_join' });
    const refused = await homeserver.request('POST', `/join/${closed}`, asGuest);
    assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_GUEST_ACCESS_FORBIDDEN']);
    assert.equal((await homeserver.request('POST', `/join/${open}`, asGuest)).status, 200);
    await alice.syncs();
    await alice.setsState(open, 'm.room.guest_access', { guest_access: 'forbidden' });
    const left = await alice.syncsUntil((answer) =>
      answer.rooms?.join?.[open]?.timeline?.events?.find(
        (event: any) => event.state_key === body.user_id && event.content.membership === 'leave',
      ),
    );
    assert.equal(left.sender, body.user_id);
  });

  testWith('whoever leaves forgets, where the server is set so', { config: { forget_rooms_on_leave: true } }, async (context) => {
    const { alice, bob, room } = await context.homeserver.twoFriendsInARoom();
    await bob.leaves(room);
    await bob.isRefused('GET', `/rooms/${room}/state`, { status: 403, errcode: 'M_FORBIDDEN' });
    await bob.joins(room);
    await alice.post(`/rooms/${room}/kick`, { user_id: bob.userId });
    await bob.isRefused('GET', `/rooms/${room}/state`, { status: 403, errcode: 'M_FORBIDDEN' });
  });

  test('a room that everybody here has left takes another server to get into', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await alice.leaves(room);
    await bob.leaves(room);
    const refusal = { status: 404, errcode: 'M_NOT_FOUND' };
    await bob.isRefused('POST', `/join/${room}`, refusal, { body: {} });
    const member = `/rooms/${room}/state/m.room.member/${bob.userId}`;
    await bob.isRefused('PUT', member, refusal, { body: { membership: 'join' } });
  });

  test('Bob rejects an invite of somebody who has left since', async ({ homeserver }) => {
    const [alice, bob] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
    const room = await alice.createsRoom({ invite: [bob.userId] });
    await alice.leaves(room);
    await bob.leaves(room);
    const { rooms } = await bob.syncs();
    assert.equal(rooms?.invite?.[room], undefined);
  });

  const names = { allow_per_room_profiles: false, allowed_avatar_mimetypes: ['image/png'] };
  testWith(
    'names are the same in all rooms and avatars are pictures, where the server is set so',
    { config: names },
    async (it) => {
      const { alice, bob, room } = await it.homeserver.twoFriendsInARoom();
      const member = { membership: 'join', displayname: 'Another Bob', avatar_url: 'mxc://hive.example/film' };
      await bob.setsState(room, 'm.room.member', member, bob.userId);
      const seen = await membershipOf(alice, room, bob);
      assert.deepEqual([seen.displayname, seen.avatar_url], [bob.localpart, undefined]);
    },
  );

  const avatars = { allowed_avatar_mimetypes: ['image/png'] };
  testWith('an avatar of a kind that the server does not allow is refused', { config: avatars }, async ({ homeserver }) => {
    const { bob, room } = await homeserver.twoFriendsInARoom();
    const member = `/rooms/${room}/state/m.room.member/${bob.userId}`;
    const film = { membership: 'join', avatar_url: 'mxc://hive.example/film' };
    await bob.isRefused('PUT', member, { status: 403, errcode: 'M_FORBIDDEN' }, { body: film });
  });

  testWith('only admins invite, where the server is set so', { config: { block_non_admin_invites: true } }, async (context) => {
    const { alice, room } = await context.homeserver.twoFriendsInARoom();
    const carol = await context.homeserver.person('carol');
    const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
    await alice.isRefused('POST', `/rooms/${room}/invite`, forbidden, { body: { user_id: carol.userId } });
    await alice.isRefused('POST', '/createRoom', forbidden, { body: { invite: [carol.userId] } });
  });

  const limits = {
    rc_joins: { local: { per_second: 0.001, burst_count: 2 } },
    rc_invites: { per_user: { per_second: 0.001, burst_count: 1 } },
  };
  testWith('joins and invites are counted', { config: limits }, async ({ homeserver }) => {
    const [alice, bob] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
    const rooms: string[] = [];
    for (let i = 0; i < 3; i++) rooms.push(await alice.createsRoom({ preset: 'public_chat' }));
    const [first, second, third] = rooms;
    const tooMuch = { status: 429, errcode: 'M_LIMIT_EXCEEDED' };
    await bob.joins(first as string);
    await bob.joins(second as string);
    await bob.joins(second as string);
    await bob.isRefused('POST', `/join/${third}`, tooMuch, { body: {} });
    await alice.invites(bob, third as string);
    await alice.isRefused('POST', `/rooms/${third}/invite`, tooMuch, { body: { user_id: bob.userId } });
  });
});
