import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

interface SeenEvent {
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
  readonly content: any;
}

/** All events of a room, the oldest first. */
async function historyOf(viewer: Person, room: string): Promise<SeenEvent[]> {
  const { chunk } = await viewer.get(`/rooms/${room}/messages`, { dir: 'f', limit: 100 });
  return chunk;
}

const contentOf = (events: readonly SeenEvent[], type: string): any => events.find((event) => event.type === type)?.content;

forEachHomeserver('room creation', ({ test, testWith }) => {
  test('a room without wishes is private, of version 12, with its events in order', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const events = await historyOf(alice, await alice.createsRoom());
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        'm.room.create',
        'm.room.member',
        'm.room.power_levels',
        'm.room.join_rules',
        'm.room.history_visibility',
        'm.room.guest_access',
      ],
    );
    assert.deepEqual(contentOf(events, 'm.room.create'), { room_version: '12' });
    const levels = contentOf(events, 'm.room.power_levels');
    assert.deepEqual(levels.users, {}, 'creators of version 12 stand above all levels');
    assert.ok(levels.events['m.room.tombstone'] > levels.state_default);
  });

  for (const [preset, visibility, joinRule, guests] of [
    ['private_chat', undefined, 'invite', 'can_join'],
    ['trusted_private_chat', undefined, 'invite', 'can_join'],
    ['public_chat', undefined, 'public', undefined],
    [undefined, 'private', 'invite', 'can_join'],
  ] as const) {
    test(`the preset ${preset} (visibility ${visibility})`, async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const events = await historyOf(alice, await alice.createsRoom({ preset, visibility }));
      assert.equal(contentOf(events, 'm.room.join_rules').join_rule, joinRule);
      assert.equal(contentOf(events, 'm.room.history_visibility').history_visibility, 'shared');
      assert.equal(contentOf(events, 'm.room.guest_access')?.guest_access, guests);
    });
  }

  test('who is invited to a trusted chat has the creator’s power, in every version', async ({ homeserver }) => {
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((name) => homeserver.person(name)));
    assert.ok(alice && bob && carol);
    const wishes = { preset: 'trusted_private_chat', invite: [bob.userId], is_direct: true };
    const eleven = await historyOf(alice, await alice.createsRoom({ ...wishes, room_version: '11' }));
    assert.deepEqual(contentOf(eleven, 'm.room.power_levels').users, { [alice.userId]: 100, [bob.userId]: 100 });
    const creation_content = { additional_creators: [carol.userId, bob.userId] };
    const twelve = await historyOf(alice, await alice.createsRoom({ ...wishes, creation_content }));
    assert.deepEqual(contentOf(twelve, 'm.room.create').additional_creators, [carol.userId, bob.userId]);
    assert.deepEqual(contentOf(twelve, 'm.room.power_levels').users, {});
    const invite = twelve.find(({ state_key }) => state_key === bob.userId);
    assert.deepEqual([invite?.content.membership, invite?.content.is_direct], ['invite', true]);
  });

  test('everything at once, in the order of the specification', async ({ homeserver }) => {
    const [alice, bob] = await Promise.all([homeserver.person('alice'), homeserver.person('bob')]);
    const room = await alice.createsRoom({
      room_version: '10',
      preset: 'public_chat',
      name: 'The Hive',
      topic: 'Honey',
      invite: [bob.userId, bob.userId],
      creation_content: { type: 'm.space', 'm.federate': false, creator: '@mallory:elsewhere.example', room_version: '1' },
      initial_state: [
        { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
        { type: 'org.example.colour', state_key: 'wall', content: { colour: 'yellow' } },
        { type: 'm.room.name', content: { name: 'Another name' } },
      ],
      power_level_content_override: { events_default: 10, users: { [alice.userId]: 100, [bob.userId]: 50 } },
    });
    const events = await historyOf(alice, room);
    assert.deepEqual(
      events.map(({ type, state_key }) => (state_key === '' ? type : `${type} ${state_key}`)),
      [
        'm.room.create',
        `m.room.member ${alice.userId}`,
        'm.room.power_levels',
        'm.room.join_rules',
        'm.room.history_visibility',
        'org.example.colour wall',
        'm.room.name',
        'm.room.name',
        'm.room.topic',
        `m.room.member ${bob.userId}`,
      ],
    );
    assert.deepEqual(contentOf(events, 'm.room.create'), {
      type: 'm.space',
      'm.federate': false,
      creator: alice.userId,
      room_version: '10',
    });
    const levels = contentOf(events, 'm.room.power_levels');
    assert.deepEqual([levels.events_default, levels.users[bob.userId], levels.ban], [10, 50, 50]);
    assert.equal((await alice.get(`/rooms/${room}/state/m.room.name`)).name, 'The Hive');
    assert.deepEqual(contentOf(events, 'm.room.topic'), { topic: 'Honey', 'm.topic': { 'm.text': [{ body: 'Honey' }] } });
  });

  const alone = { config: { federation_domain_whitelist: [] } };
  testWith('wishes that cannot be', alone, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const refused: [wishes: unknown, errcode: string, status?: number][] = [
      [{ room_version: '99' }, 'M_UNSUPPORTED_ROOM_VERSION'],
      [{ invite: ['@bob'] }, 'M_INVALID_PARAM'],
      [{ invite: 'bob' }, 'M_BAD_JSON'],
      [{ preset: 'cosy' }, 'M_BAD_JSON'],
      [{ creation_content: { additional_creators: ['bob'] } }, 'M_BAD_JSON'],
      [{ creation_content: { additional_creators: 'bob' } }, 'M_BAD_JSON'],
      [{ power_level_content_override: { users: { [alice.userId]: 100 } } }, 'M_INVALID_ROOM_STATE'],
      [{ room_version: '11', power_level_content_override: { users: {} }, name: 'A name' }, 'M_INVALID_ROOM_STATE'],
      [{ power_level_content_override: { ban: 'nobody' } }, 'M_INVALID_ROOM_STATE'],
      [{ initial_state: [{ type: 'm.room.create', content: {} }] }, 'M_INVALID_ROOM_STATE'],
      [{ initial_state: [{ type: 'm.room.canonical_alias', content: { alias: '#a:hive.example' } }] }, 'M_BAD_ALIAS'],
      [{ room_alias_name: 'with space' }, 'M_INVALID_PARAM'],
      [{ room_alias_name: '#whole:hive.example' }, 'M_INVALID_PARAM'],
      [{ name: 'x'.repeat(70_000) }, 'M_TOO_LARGE', 413],
      [{ invite: ['@bob:elsewhere.example'] }, 'M_FORBIDDEN', 403],
    ];
    for (const [body, errcode, status = 400] of refused) {
      await alice.isRefused('POST', '/createRoom', { status, errcode }, { body });
    }
    assert.deepEqual(await alice.get('/joined_rooms'), { joined_rooms: [] }, 'nothing is left of them');
  });

  const settings = {
    default_room_version: '9',
    encryption_enabled_by_default_for_room_type: 'invite',
    default_power_level_content_override: { private_chat: { events_default: 7, kick: 60 }, public_chat: null },
  };
  testWith('the server’s settings come before the client’s wishes', { config: settings }, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const events = await historyOf(alice, await alice.createsRoom({ power_level_content_override: { kick: 70 } }));
    const levels = contentOf(events, 'm.room.power_levels');
    assert.deepEqual([levels.events_default, levels.kick], [7, 70]);
    assert.equal(contentOf(events, 'm.room.create').room_version, '9');
    assert.deepEqual(contentOf(events, 'm.room.encryption'), { algorithm: 'm.megolm.v1.aes-sha2' });
    const open = await historyOf(alice, await alice.createsRoom({ preset: 'public_chat' }));
    assert.equal(contentOf(open, 'm.room.encryption'), undefined);
    assert.equal(contentOf(open, 'm.room.power_levels').events_default, 0);
    const own = [{ type: 'm.room.encryption', content: { algorithm: 'org.example.cipher' } }];
    const ciphered = await historyOf(alice, await alice.createsRoom({ initial_state: own }));
    assert.equal(ciphered.filter(({ type }) => type === 'm.room.encryption').length, 1);
  });
});
