import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing/homeserver';

async function roomsOf(person: Person): Promise<string[]> {
  return (await person.get('/joined_rooms')).joined_rooms;
}

async function roomBehind(homeserver: TestHomeserver, alias: string): Promise<string | undefined> {
  const { status, body } = await homeserver.request('GET', `/directory/room/${encodeURIComponent(alias)}`);
  return status === 200 ? body.room_id : undefined;
}

const rarely = { per_second: 0.001, burst_count: 1 };
const once = { rc_joins: { local: rarely }, rc_joins_per_room: rarely };

forEachHomeserver('auto-join rooms', ({ testWith }) => {
  testWith(
    'the first user makes the rooms, everybody joins them',
    {
      config: {
        auto_join_rooms: ['#lobby:hive.example', '#garden:hive.example'],
        allow_guest_access: true,
        auto_join_rooms_for_guests: false,
      },
    },
    async ({ homeserver }) => {
      const guest = await homeserver.request('POST', '/register', { body: {}, query: { kind: 'guest' } });
      assert.equal(guest.status, 200);
      assert.equal(await roomBehind(homeserver, '#lobby:hive.example'), undefined);
      const people = [
        await homeserver.person('alice'),
        ...(await Promise.all([homeserver.person('bob'), homeserver.person('carol')])),
      ];
      const rooms = [await roomBehind(homeserver, '#lobby:hive.example'), await roomBehind(homeserver, '#garden:hive.example')];
      for (const person of people) assert.deepEqual(new Set(await roomsOf(person)), new Set(rooms), person.userId);
    },
  );

  testWith(
    'an invite-only room is opened by the user who is named for it',
    {
      config: {
        auto_join_rooms: ['#members:hive.example'],
        autocreate_auto_join_room_preset: 'private_chat',
        auto_join_mxid_localpart: 'system',
        autocreate_auto_join_rooms_federated: false,
      },
    },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const room = await roomBehind(homeserver, '#members:hive.example');
      assert.deepEqual(await roomsOf(alice), [room]);
      const create = await alice.get(`/rooms/${encodeURIComponent(String(room))}/state/m.room.create`);
      assert.equal(create['m.federate'], false);
    },
  );

  testWith(
    'however many join at once, the limits of joining are not theirs',
    { config: { auto_join_rooms: ['#lobby:hive.example', '#garden:hive.example'], ...once } },
    async ({ homeserver }) => {
      const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
      for (const person of [alice, bob]) assert.equal((await roomsOf(person)).length, 2, person.userId);
      const room = await alice.createsRoom({ preset: 'public_chat' });
      const another = await alice.createsRoom({ preset: 'public_chat' });
      await bob.joins(room);
      await bob.isRefused('POST', `/join/${another}`, { status: 429, errcode: 'M_LIMIT_EXCEEDED' });
    },
  );

  testWith(
    'a room that is not there stands in the way of nobody',
    { config: { auto_join_rooms: ['#nowhere:hive.example'], autocreate_auto_join_rooms: false } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      assert.deepEqual(await roomsOf(alice), []);
    },
  );
});
