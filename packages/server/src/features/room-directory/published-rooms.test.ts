import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing';

const open = { room_list_publication_rules: [{ action: 'allow' }] };
const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };

const listing = (room: string): string => `/directory/list/room/${encodeURIComponent(room)}`;

/** A public room that is in the directory from the beginning. */
function publishes(person: Person, name: string, more: Record<string, unknown> = {}): Promise<string> {
  return person.createsRoom({ visibility: 'public', name, ...more });
}

function search(person: Person, body: Record<string, unknown> = {}): Promise<{ chunk: any[]; [other: string]: any }> {
  return person.post('/publicRooms', body);
}

async function foundBy(person: Person, term: string): Promise<string[]> {
  return (await search(person, { filter: { generic_search_term: term } })).chunk.map(({ name }) => name);
}

/** Rooms of these sizes, the first person's; their names are their places in the list. */
async function roomsOfSizes(homeserver: TestHomeserver, ...sizes: number[]): Promise<Person> {
  const people = await Promise.all(Array.from({ length: Math.max(...sizes) }, (_, n) => homeserver.person(`p${n}`)));
  const [first] = people;
  assert.ok(first);
  for (const [index, size] of sizes.entries()) {
    const room = await publishes(first, `room ${index}`);
    for (const person of people.slice(1, size)) await person.joins(room);
  }
  return first;
}

const names = (page: { chunk: any[] }): string[] => page.chunk.map(({ name }) => name);

forEachHomeserver(
  'the published directory',
  ({ test, testWith }) => {
    test('a room shows what its state says, from its first event on and after each change', async ({ homeserver }) => {
      const { alice, bob } = await homeserver.twoFriendsInARoom();
      const localpart = `cheese-${alice.localpart}`;
      const room = await publishes(alice, 'Cheese', {
        topic: 'Tasty',
        room_alias_name: localpart,
        creation_content: { type: 'm.space' },
        initial_state: [{ type: 'm.room.avatar', state_key: '', content: { url: 'mxc://hive.example/brie' } }],
      });
      const entry = async () => (await search(bob)).chunk.find((one) => one.room_id === room);
      const atFirst = {
        room_id: room,
        name: 'Cheese',
        topic: 'Tasty',
        canonical_alias: `#${localpart}:hive.example`,
        avatar_url: 'mxc://hive.example/brie',
        join_rule: 'public',
        room_type: 'm.space',
        num_joined_members: 1,
        guest_can_join: false,
        world_readable: false,
      };
      assert.deepEqual(await entry(), { ...atFirst, guest_can_join: (await entry()).guest_can_join });
      await bob.joins(room);
      const topic = await alice.setsState(room, 'm.room.topic', {
        topic: 'fallback',
        'm.topic': { 'm.text': [{ mimetype: 'text/html', body: '<b>Blue</b>' }, { body: 'Blue' }] },
      });
      await alice.setsState(room, 'm.room.join_rules', { join_rule: 'knock' });
      await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' });
      await alice.setsState(room, 'm.room.guest_access', { guest_access: 'can_join' });
      await alice.setsState(room, 'm.room.avatar', { url: 'https://elsewhere.example/x.png' });
      await alice.setsState(room, 'm.room.name', {});
      const { name: _, avatar_url: __, ...rest } = atFirst;
      const later = {
        ...rest,
        topic: 'Blue',
        join_rule: 'knock',
        num_joined_members: 2,
        guest_can_join: true,
        world_readable: true,
      };
      assert.deepEqual(await entry(), later);

      await alice.put(`/rooms/${encodeURIComponent(room)}/redact/${encodeURIComponent(topic)}/t1`, {});
      await bob.leaves(room);
      const { topic: ___, ...withoutTopic } = later;
      assert.deepEqual(await entry(), { ...withoutTopic, num_joined_members: 1 });
    });

    test('a room that was there before is published as it is, and hidden again', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      await alice.setsState(room, 'm.room.name', { name: 'Old acquaintance' });
      assert.deepEqual(await bob.get(listing(room)), { visibility: 'private' });
      await Promise.all([
        alice.put(listing(room)),
        alice.setsState(room, 'm.room.topic', { topic: 'auld lang syne' }),
        alice.put(listing(room), { visibility: 'public' }),
      ]);
      assert.deepEqual((await homeserver.request('GET', listing(room))).body, { visibility: 'public' });
      const entry = (await search(bob)).chunk.find((one) => one.room_id === room);
      assert.deepEqual([entry.name, entry.topic, entry.num_joined_members], ['Old acquaintance', 'auld lang syne', 2]);
      await alice.put(listing(room), { visibility: 'private' });
      assert.deepEqual(await foundBy(bob, 'Old acquaintance'), []);
      assert.deepEqual(await bob.get(listing(room)), { visibility: 'private' });
    });

    test('moderators and administrators say whether a room is listed, and nobody else', async ({ homeserver }) => {
      const { alice, bob, room } = await homeserver.twoFriendsInARoom();
      const [mallory, admin] = [await homeserver.person('mallory'), await homeserver.admin('olga')];
      await bob.isRefused('PUT', listing(room), forbidden, { body: {} });
      await mallory.isRefused('PUT', listing(room), forbidden, { body: {} });
      await admin.put(listing(room));
      await bob.isRefused('PUT', listing(room), forbidden, { body: { visibility: 'private' } });
      await alice.put(listing(room), { visibility: 'private' });
      await alice.leaves(room);
      await alice.isRefused('PUT', listing(room), forbidden, { body: {} });
      const unknown = { status: 404, errcode: 'M_NOT_FOUND' };
      await alice.isRefused('PUT', listing('!nowhere:hive.example'), unknown, { body: {} });
      await alice.isRefused('GET', listing('!nowhere:hive.example'), unknown);
    });

    test('a room is found by name, topic and alias in any case, and by nothing else', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await publishes(alice, 'ÆBLE 100%', { topic: 'Über_Obst', room_alias_name: `pomme-${alice.localpart}` });
      for (const term of ['æble', '100%', 'über_o', `POMME-${alice.localpart}`]) {
        assert.deepEqual(await foundBy(alice, term), ['ÆBLE 100%'], term);
      }
      for (const term of ['æ%', 'ü_er', 'birne']) assert.deepEqual(await foundBy(alice, term), [], term);
      assert.ok((await foundBy(alice, '\0')).includes('ÆBLE 100%'));
    });

    test('rooms are filtered by their type', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const term = `types-${alice.localpart}`;
      await publishes(alice, `${term} space`, { creation_content: { type: 'm.space' } });
      await publishes(alice, `${term} room`);
      const found = async (roomTypes: unknown[] | undefined) =>
        names(await search(alice, { filter: { generic_search_term: term, room_types: roomTypes } })).toSorted();
      assert.deepEqual(await found(undefined), [`${term} room`, `${term} space`]);
      assert.deepEqual(await found(['m.space']), [`${term} space`]);
      assert.deepEqual(await found([null]), [`${term} room`]);
      assert.deepEqual(await found([null, 'm.space']), [`${term} room`, `${term} space`]);
      assert.deepEqual(await found([]), []);
    });

    test('rooms that nobody could enter are not shown, whatever their visibility', async ({ homeserver }) => {
      const { alice, bob } = await homeserver.twoFriendsInARoom();
      const name = `Closed ${alice.localpart}`;
      const room = await publishes(alice, name, { preset: 'private_chat' });
      assert.deepEqual(await bob.get(listing(room)), { visibility: 'public' });
      assert.deepEqual(await foundBy(bob, name), []);
      await alice.setsState(room, 'm.room.join_rules', { join_rule: 'public' });
      assert.deepEqual(await foundBy(bob, name), [name]);
      await alice.leaves(room);
      assert.deepEqual(await foundBy(bob, name), []);
    });

    test('an upgraded room gives its place to its replacement', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const name = `Moving ${alice.localpart}`;
      const room = await publishes(alice, name, { room_version: '10' });
      const answer = await alice.post(`/rooms/${encodeURIComponent(room)}/upgrade`, { new_version: '12' });
      const { chunk } = await search(alice, { filter: { generic_search_term: name } });
      assert.deepEqual(
        chunk.map((one) => one.room_id),
        [answer.replacement_room],
      );
      assert.deepEqual(await alice.get(listing(room)), { visibility: 'private' });
    });

    testWith('pages go forth and back, the largest rooms first', {}, async ({ homeserver }) => {
      const alice = await roomsOfSizes(homeserver, 1, 3, 2, 1, 4);
      const page = (since?: string) => alice.get('/publicRooms', { limit: 2, since });
      const first = await page();
      assert.deepEqual(names(first), ['room 4', 'room 1']);
      assert.equal(first.total_room_count_estimate, 5);
      assert.equal(first.prev_batch, undefined);
      const second = await page(first.next_batch);
      assert.deepEqual(names(second), ['room 2', 'room 3']);
      // A room that has come in meanwhile moves no page.
      await publishes(alice, 'room 5');
      assert.deepEqual(names(await page(first.next_batch)), ['room 2', 'room 5']);
      const third = await page(second.next_batch);
      assert.deepEqual(names(third), ['room 0']);
      assert.equal(third.next_batch, undefined);
      const back = await page(third.prev_batch);
      assert.deepEqual(names(back), ['room 5', 'room 3']);
      assert.deepEqual(names(await page(back.next_batch)), ['room 0']);
      const start = await page((await page(back.prev_batch)).prev_batch);
      assert.deepEqual(names(start), ['room 4']);
      assert.equal(start.prev_batch, undefined);
      for (const since of ['n', 'x1_1', 'n1_-1']) {
        await alice.isRefused('GET', '/publicRooms', { status: 400, errcode: 'M_INVALID_PARAM' }, { query: { since } });
      }
    });

    test('networks and servers that are not ours have nothing to show', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await publishes(alice, `Nets ${alice.localpart}`);
      assert.deepEqual((await search(alice, { third_party_instance_id: 'irc' })).chunk, []);
      assert.ok((await search(alice, { include_all_networks: true })).chunk.length > 0);
      const elsewhere = { query: { server: 'elsewhere.example' } };
      await alice.isRefused('GET', '/publicRooms', { status: 502, errcode: 'M_UNKNOWN' }, elsewhere);
      assert.ok((await alice.get('/publicRooms', { server: 'hive.example' })).chunk.length > 0);
    });

    test('strangers see the directory only where that is allowed', async ({ homeserver }) => {
      assert.equal((await homeserver.request('GET', '/publicRooms')).body.errcode, 'M_MISSING_TOKEN');
    });

    testWith(
      'strangers and guests see the directory where that is allowed',
      { config: { ...open, allow_public_rooms_without_auth: true, allow_guest_access: true } },
      async ({ homeserver }) => {
        await publishes(await homeserver.person('alice'), 'Open house');
        assert.deepEqual(names((await homeserver.request('GET', '/publicRooms')).body), ['Open house']);
        const guest = await homeserver.guest();
        assert.deepEqual(names(await search(guest)), ['Open house']);
      },
    );

    testWith('a directory may be closed', { config: { ...open, enable_room_list_search: false } }, async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await publishes(alice, 'Cellar');
      assert.deepEqual(await search(alice), { chunk: [], total_room_count_estimate: 0 });
    });

    const rules = [{ alias: '#blog-*', action: 'allow' }, { user_id: '@mallory*', action: 'deny' }, { room_id: '!*' }];
    testWith(
      'the rules of the server decide who publishes what',
      { config: { room_list_publication_rules: rules } },
      async ({ homeserver }) => {
        const [alice, mallory] = [await homeserver.person('alice'), await homeserver.person('mallory')];
        await publishes(alice, 'of Alice');
        // It is made, and not published.
        const room = await publishes(mallory, 'of Mallory');
        assert.deepEqual(await foundBy(alice, 'of '), ['of Alice']);
        await mallory.isRefused('PUT', listing(room), forbidden, { body: {} });
        await mallory.put(`/directory/room/${encodeURIComponent('#blog-1:hive.example')}`, { room_id: room });
        await mallory.put(listing(room));
        assert.deepEqual((await foundBy(alice, 'of ')).toSorted(), ['of Alice', 'of Mallory']);
        // Who may not publish may hide.
        await mallory.put(listing(room), { visibility: 'private' });
      },
    );

    testWith(
      'without rules only administrators publish',
      { config: { room_list_publication_rules: null } },
      async ({ homeserver }) => {
        const [alice, admin] = [await homeserver.person('alice'), await homeserver.admin('olga')];
        const room = await publishes(alice, 'of Alice');
        await alice.isRefused('PUT', listing(room), forbidden, { body: {} });
        await admin.put(listing(room));
        await publishes(admin, 'of Olga');
        assert.deepEqual((await foundBy(alice, 'of ')).toSorted(), ['of Alice', 'of Olga']);
      },
    );
  },
  { config: open },
);
