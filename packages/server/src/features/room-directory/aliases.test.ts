import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing';

import { sql } from '../../platform/database/index.ts';

const open = { room_list_publication_rules: [{ action: 'allow' }] };

const path = (alias: string): string => `/directory/room/${encodeURIComponent(alias)}`;
const aliasesOf = (room: string): string => `/rooms/${encodeURIComponent(room)}/aliases`;

async function threeInARoom(homeserver: TestHomeserver) {
  const { alice, bob, room } = await homeserver.twoFriendsInARoom();
  return { alice, bob, mallory: await homeserver.person('mallory'), room };
}

/** An alias that no other test has. */
function aliasFor(person: Person, name = 'tea'): string {
  return `#${name}-of-${person.localpart}:hive.example`;
}

async function canonicalAlias(person: Person, room: string): Promise<Record<string, unknown>> {
  return person.get(`/rooms/${encodeURIComponent(room)}/state/m.room.canonical_alias/`);
}

forEachHomeserver(
  'room aliases',
  ({ test, testWith }) => {
    test('Alice names her room, anybody finds it by its name, and Mallory joins by it', async ({ homeserver }) => {
      const { alice, bob, mallory, room } = await threeInARoom(homeserver);
      const alias = aliasFor(alice);
      await alice.put(path(alias), { room_id: room });

      const found = await homeserver.request('GET', path(alias));
      assert.deepEqual(found.body, { room_id: room, servers: ['hive.example'] });
      assert.deepEqual(await bob.get(aliasesOf(room)), { aliases: [alias] });
      assert.equal((await mallory.joins(alias)).room_id, room);
    });

    test('an alias is taken once, must be one, and be of this server', async ({ homeserver }) => {
      const { alice, bob, room } = await threeInARoom(homeserver);
      const alias = aliasFor(alice);
      await alice.put(path(alias), { room_id: room });
      const body = { room_id: room };
      await bob.isRefused('PUT', path(alias), { status: 409, errcode: 'M_UNKNOWN' }, { body });
      await alice.isRefused('PUT', path('#tea:elsewhere.example'), { status: 400, errcode: 'M_INVALID_PARAM' }, { body });
      await alice.isRefused('PUT', path('#nocolon'), { status: 400, errcode: 'M_INVALID_PARAM' }, { body });
      await alice.isRefused('GET', path('#nobody:hive.example'), { status: 404, errcode: 'M_NOT_FOUND' });
      await alice.isRefused('GET', path('#tea:elsewhere.example'), { status: 404, errcode: 'M_NOT_FOUND' });
      await alice.isRefused('DELETE', path('#nobody:hive.example'), { status: 404, errcode: 'M_NOT_FOUND' });
    });

    test('of two who want an alias at once, one gets it', async ({ homeserver }) => {
      const { alice, bob, room } = await threeInARoom(homeserver);
      const alias = aliasFor(alice);
      const answers = await Promise.all(
        [alice, bob, alice, bob].map((person) => person.request('PUT', path(alias), { body: { room_id: room } })),
      );
      assert.deepEqual(
        answers.map(({ status }) => status).toSorted((a, b) => a - b),
        [200, 409, 409, 409],
      );
      const localpart = aliasFor(alice, 'race').slice(1, -':hive.example'.length);
      const rooms = await Promise.all(
        [alice, bob].map((person) => person.request('POST', '/createRoom', { body: { room_alias_name: localpart } })),
      );
      const refused = rooms.filter(({ status }) => status !== 200);
      assert.deepEqual(
        refused.map(({ status, body }) => [status, body.errcode]),
        [[400, 'M_ROOM_IN_USE']],
      );
    });

    test('of two processes that make a room by one alias at once, the slower is told that it is in use', async ({
      homeserver,
    }) => {
      const alice = await homeserver.person('alice');
      const { database, names, rooms } = homeserver.server.needs;
      const elsewhere = await rooms.ids.find(await alice.createsRoom());
      assert.ok(elsewhere);
      const alias = aliasFor(alice);
      const creator = await names.idOf(alice.userId);
      const faster = {
        name: 'another process',
        async prepare() {
          rooms.hooks.persist.splice(rooms.hooks.persist.indexOf(faster), 1);
          await database.write((tx) =>
            tx.run(sql`INSERT INTO room_aliases (alias, room_nid, creator_nid) VALUES (${alias}, ${elsewhere.nid}, ${creator})`),
          );
        },
      };
      rooms.hooks.persist.push(faster);
      const room = { room_alias_name: alias.slice(1, alias.indexOf(':')) };
      await alice.isRefused('POST', '/createRoom', { status: 400, errcode: 'M_ROOM_IN_USE' }, { body: room });
    });

    test('only members give a room a name, and only they are told its names', async ({ homeserver }) => {
      const { alice, bob, mallory, room } = await threeInARoom(homeserver);
      const alias = aliasFor(alice);
      const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
      await mallory.isRefused('PUT', path(alias), forbidden, { body: { room_id: room } });
      await mallory.isRefused('PUT', path(alias), forbidden, { body: { room_id: '!nowhere:hive.example' } });
      await mallory.isRefused('GET', aliasesOf(room), forbidden);
      await alice.put(path(alias), { room_id: room });
      await bob.leaves(room);
      await bob.isRefused('GET', aliasesOf(room), forbidden);
      await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' });
      assert.deepEqual(await mallory.get(aliasesOf(room)), { aliases: [alias] });
    });

    test('an alias is deleted by who made it and by moderators, not by others', async ({ homeserver }) => {
      const { alice, bob, room } = await threeInARoom(homeserver);
      const carol = await homeserver.person('carol');
      await carol.joins(room);
      const [ofAlice, ofBob] = [aliasFor(alice), aliasFor(bob)];
      await alice.put(path(ofAlice), { room_id: room });
      await bob.put(path(ofBob), { room_id: room });
      await carol.isRefused('DELETE', path(ofBob), { status: 403, errcode: 'M_FORBIDDEN' });
      await bob.isRefused('DELETE', path(ofAlice), { status: 403, errcode: 'M_FORBIDDEN' });
      await bob.ask('DELETE', path(ofBob));
      await bob.put(path(ofBob), { room_id: room });
      await alice.ask('DELETE', path(ofBob));
      await bob.isRefused('GET', path(ofBob), { status: 404, errcode: 'M_NOT_FOUND' });
      await bob.leaves(room);
      await alice.leaves(room);
      // Who made it may delete it from wherever they are now.
      await alice.ask('DELETE', path(ofAlice));
    });

    test('a deleted alias leaves m.room.canonical_alias where its deleter may change that, and goes anyway', async ({
      homeserver,
    }) => {
      const { alice, bob, room } = await threeInARoom(homeserver);
      const [main, other, ofBob] = [aliasFor(alice), aliasFor(alice, 'coffee'), aliasFor(bob)];
      for (const alias of [main, other]) await alice.put(path(alias), { room_id: room });
      await bob.put(path(ofBob), { room_id: room });
      await alice.setsState(room, 'm.room.canonical_alias', { alias: main, alt_aliases: [other, ofBob] });
      await alice.ask('DELETE', path(other));
      assert.deepEqual(await canonicalAlias(alice, room), { alias: main, alt_aliases: [ofBob] });
      await bob.ask('DELETE', path(ofBob));
      assert.deepEqual(await canonicalAlias(alice, room), { alias: main, alt_aliases: [ofBob] });
      await alice.ask('DELETE', path(main));
      assert.deepEqual(await canonicalAlias(alice, room), { alt_aliases: [ofBob] });
    });

    test('m.room.canonical_alias lists only aliases that lead to the room', async ({ homeserver }) => {
      const { alice, room } = await threeInARoom(homeserver);
      const [here, elsewhere] = [aliasFor(alice), aliasFor(alice, 'elsewhere')];
      const otherRoom = await alice.createsRoom();
      await alice.put(path(here), { room_id: room });
      await alice.put(path(elsewhere), { room_id: otherRoom });
      const state = `/rooms/${encodeURIComponent(room)}/state/m.room.canonical_alias/`;
      const badAlias = { status: 400, errcode: 'M_BAD_ALIAS' };
      await alice.isRefused('PUT', state, badAlias, { body: { alias: elsewhere } });
      await alice.isRefused('PUT', state, badAlias, { body: { alias: here, alt_aliases: ['#nobody:hive.example'] } });
      await alice.put(state, { alias: here });
    });

    test('a room is made with an alias of its own, and takes it along when it is upgraded', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const alias = aliasFor(alice);
      const room = await alice.createsRoom({ room_alias_name: alias.slice(1, -':hive.example'.length), room_version: '10' });
      assert.equal((await canonicalAlias(alice, room))['alias'], alias);
      const { replacement_room: replacement } = await alice.post(`/rooms/${encodeURIComponent(room)}/upgrade`, {
        new_version: '12',
      });
      assert.equal((await alice.get(path(alias))).room_id, replacement);
      assert.deepEqual(await alice.get(aliasesOf(room)), { aliases: [] });
      assert.deepEqual(await alice.get(aliasesOf(replacement)), { aliases: [alias] });
    });

    const rules = [
      { user_id: '@mallory*', action: 'deny' },
      { alias: '#office-*:hive.example', action: 'allow' },
      { user_id: '@boss-*', action: 'allow' },
    ];
    testWith(
      'the rules of the server decide who makes which aliases',
      { config: { alias_creation_rules: rules } },
      async ({ homeserver }) => {
        const [alice, mallory, boss] = await Promise.all(['alice', 'mallory', 'boss'].map((name) => homeserver.person(name)));
        assert.ok(alice && mallory && boss);
        const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
        const names = async (person: Person, alias: string) => {
          const body = { room_id: await person.createsRoom() };
          return (await person.request('PUT', path(alias), { body })).status;
        };
        assert.equal(await names(alice, '#office-1:hive.example'), 200);
        assert.equal(await names(alice, '#home:hive.example'), 403);
        assert.equal(await names(mallory, '#office-2:hive.example'), 403);
        assert.equal(await names(boss, '#home:hive.example'), 200);
        await mallory.isRefused('POST', '/createRoom', forbidden, { body: { room_alias_name: 'office-3' } });
      },
    );

    testWith(
      'where membership is not required, anybody names a room',
      { config: { require_membership_for_aliases: false } },
      async ({ homeserver }) => {
        const { mallory, room } = await threeInARoom(homeserver);
        await mallory.put(path('#mine-now:hive.example'), { room_id: room });
        const nowhere = { body: { room_id: '!nowhere:hive.example' } };
        await mallory.isRefused('PUT', path('#x:hive.example'), { status: 404, errcode: 'M_NOT_FOUND' }, nowhere);
      },
    );
  },
  { config: open },
);
