import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing';

const summaryOf = (room: string): string => `/_matrix/client/v1/room_summary/${encodeURIComponent(room)}`;
const notFound = { status: 404, errcode: 'M_NOT_FOUND' };

/** Whether somebody (nobody in particular: a stranger without an account) is shown the room. */
async function sees(homeserver: TestHomeserver, person: Person | undefined, room: string): Promise<boolean> {
  const { status, body } = await (person ?? homeserver).request('GET', summaryOf(room));
  if (status === 200) return true;
  assert.deepEqual({ status, errcode: body.errcode }, notFound);
  return false;
}

forEachHomeserver(
  'room summaries',
  ({ test }) => {
    test('Bob, outside, sees what the room is, by its id and by its alias', async ({ homeserver }) => {
      const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
      const localpart = `garden-${alice.localpart}`;
      const room = await alice.createsRoom({
        preset: 'public_chat',
        room_version: '11',
        name: 'Garden',
        topic: 'Roses',
        room_alias_name: localpart,
        initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
      });
      const { membership, ...summary } = await bob.get(summaryOf(`#${localpart}:hive.example`));
      assert.equal(membership, 'leave');
      assert.deepEqual(
        { ...summary, guest_can_join: undefined },
        {
          room_id: room,
          name: 'Garden',
          topic: 'Roses',
          canonical_alias: `#${localpart}:hive.example`,
          join_rule: 'public',
          num_joined_members: 1,
          world_readable: false,
          guest_can_join: undefined,
          room_version: '11',
          encryption: 'm.megolm.v1.aes-sha2',
        },
      );
      assert.deepEqual(await bob.get(summaryOf(room)), { ...summary, membership });
      await bob.joins(room);
      assert.deepEqual(await bob.get(summaryOf(room)), { ...summary, num_joined_members: 2, membership: 'join' });
      const { body: anonymous } = await homeserver.request('GET', summaryOf(room));
      assert.deepEqual(anonymous, { ...summary, num_joined_members: 2 });
    });

    test('clients of the time of the proposal are answered by the names of then', async ({ homeserver }) => {
      const { bob, room } = await homeserver.twoFriendsInARoom();
      for (const path of [`summary/${encodeURIComponent(room)}`, `rooms/${encodeURIComponent(room)}/summary`]) {
        const summary = await bob.get(`/_matrix/client/unstable/im.nheko.summary/${path}`);
        assert.equal(summary['im.nheko.summary.room_version'], summary.room_version);
        assert.equal(summary.room_version, '12');
      }
    });

    test('strangers and guests see the rooms that they could enter or read, and no others', async ({ homeserver }) => {
      const [alice, mallory, guest] = [
        await homeserver.person('alice'),
        await homeserver.person('mallory'),
        await homeserver.guest(),
      ];
      const room = await alice.createsRoom({ preset: 'private_chat' });
      const seenByAll = async () => Promise.all([mallory, guest, undefined].map((person) => sees(homeserver, person, room)));
      assert.deepEqual(await seenByAll(), [false, false, false]);
      for (const [join_rule, seen] of [
        ['knock', true],
        ['public', true],
        ['knock_restricted', true],
        ['restricted', false],
        ['invite', false],
        ['odd', false],
      ] as const) {
        await alice.setsState(room, 'm.room.join_rules', { join_rule });
        assert.deepEqual(await seenByAll(), [seen, seen, seen], join_rule);
      }
      await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' });
      assert.deepEqual(await seenByAll(), [true, true, true]);
    });

    test('an invitation opens a closed room, and leaving closes it', async ({ homeserver }) => {
      const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
      const room = await alice.createsRoom({ preset: 'private_chat' });
      assert.equal(await sees(homeserver, bob, room), false);
      await alice.invites(bob, room);
      assert.equal((await bob.get(summaryOf(room))).membership, 'invite');
      await bob.joins(room);
      assert.equal((await bob.get(summaryOf(room))).num_joined_members, 2);
      await bob.leaves(room);
      assert.equal(await sees(homeserver, bob, room), false);
    });

    test('a restricted room is shown to members of the rooms that it lets in, and names them', async ({ homeserver }) => {
      const { alice, bob, room: space } = await homeserver.twoFriendsInARoom();
      const mallory = await homeserver.person('mallory');
      const allow = [{ type: 'm.room_membership', room_id: space }];
      const room = await alice.createsRoom({
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } }],
      });
      assert.deepEqual((await bob.get(summaryOf(room))).allowed_room_ids, [space]);
      assert.equal(await sees(homeserver, mallory, room), false);
      await bob.leaves(space);
      assert.equal(await sees(homeserver, bob, room), false);
    });

    test('there is nothing to tell of rooms that are not there, or that all have left', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      for (const room of ['!nowhere:hive.example', '#nobody:hive.example', '#tea:elsewhere.example', '#odd']) {
        await alice.isRefused('GET', summaryOf(room), notFound, { query: { via: ['elsewhere.example'] } });
      }
      const room = await alice.createsRoom({ preset: 'public_chat' });
      await alice.leaves(room);
      await alice.isRefused('GET', summaryOf(room), notFound);
    });
  },
  { config: { allow_guest_access: true } },
);
