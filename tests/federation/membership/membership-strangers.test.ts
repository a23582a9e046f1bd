import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { eventIdOf, hashAndSignPdu, type JsonObject, type Pdu } from '@myelin/protocol/events';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import type { HttpAnswer, Person } from '@myelin/testing';
import type { FakeServer } from '@myelin/testing/federation';

import { FakeRoom } from '../fake-room.ts';
import { hive, mallory, stranger, withAStranger } from '../stranger.ts';

describe('memberships that strangers hand in, and rooms that strangers show', () => {
  const { home, fake: theFake, asks } = withAStranger();
  const refuses = async (asked: Promise<HttpAnswer>, status: number, errcode: string, what: string): Promise<any> => {
    const answer = await asked;
    assert.deepEqual([answer.status, answer.body?.errcode], [status, errcode], `${what}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  const makes = (
    kind: 'join' | 'leave' | 'knock',
    room: string,
    user: string = mallory,
    versions = ['6', '10', '11', '12'],
  ): string =>
    `/_matrix/federation/v1/make_${kind}/${encodeURIComponent(room)}/${encodeURIComponent(user)}${kind === 'leave' ? '' : `?${versions.map((version) => `ver=${version}`).join('&')}`}`;
  const sends = (kind: 'join' | 'leave' | 'knock', room: string, eventId: string): string =>
    `/_matrix/federation/v${kind === 'knock' ? 1 : 2}/send_${kind}/${encodeURIComponent(room)}/${encodeURIComponent(eventId)}`;
  const signed = (event: any, rules: RoomVersionRules, change: Partial<Pdu> = {}): { eventId: string; pdu: Pdu } => {
    const { origin: _, ...template } = event;
    const pdu = hashAndSignPdu({ ...template, ...change }, theFake().name, theFake().signingKey, rules);
    return { eventId: eventIdOf(pdu, rules), pdu };
  };
  const rulesOf = (version: string): RoomVersionRules => {
    const rules = roomVersionRules(version);
    assert.ok(rules);
    return rules;
  };
  const publicRoom = async (version: string): Promise<{ alice: Person; room: string; rules: RoomVersionRules }> => {
    const alice = await home().person('alice');
    return { alice, room: await alice.createsRoom({ preset: 'public_chat', room_version: version }), rules: rulesOf(version) };
  };

  test('templates are given to servers for their own users, of versions that they know', async () => {
    const { alice, room } = await publicRoom('10');
    await refuses(asks('GET', makes('join', room, `@bob:${hive}`)), 403, 'M_FORBIDDEN', 'a user of ours');
    await refuses(asks('GET', makes('join', room, '@bob:elsewhere.example')), 403, 'M_FORBIDDEN', 'a user of a third server');
    const answer = await refuses(
      asks('GET', makes('join', room, mallory, ['9'])),
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
      'version 9',
    );
    assert.equal(answer.room_version, '10');
    const without = `/_matrix/federation/v1/make_join/${encodeURIComponent(room)}/${encodeURIComponent(mallory)}`;
    await refuses(asks('GET', without), 400, 'M_INCOMPATIBLE_ROOM_VERSION', 'no version');
    await refuses(asks('GET', makes('join', `!nothing:${hive}`)), 404, 'M_NOT_FOUND', 'an unknown room');
    await refuses(asks('GET', makes('leave', room)), 403, 'M_FORBIDDEN', 'leaving without being there');
    await refuses(asks('GET', makes('knock', room)), 403, 'M_FORBIDDEN', 'knocking where the door is open');
    const old = await alice.createsRoom({ room_version: '6', preset: 'public_chat' });
    await refuses(asks('GET', makes('knock', old)), 403, 'M_FORBIDDEN', 'knocking before there were knocks');
    const unsigned = await home().request('GET', makes('join', room));
    assert.equal(unsigned.status, 401);
  });

  test('a join is taken as it must be, once, and nothing else is taken for one', async () => {
    for (const version of ['6', '10', '12']) {
      const { alice, room, rules } = await publicRoom(version);
      const { event } = (await asks('GET', makes('join', room))).body;
      const wrong: [what: string, change: Record<string, unknown>][] = [
        ['another type', { type: 'm.room.topic' }],
        ['a leave', { content: { membership: 'leave' } }],
        ['a ban', { content: { membership: 'ban' } }],
        ['no membership', { content: {} }],
        ['somebody else', { state_key: `@other:${stranger}` }],
        ['a sender of ours', { sender: alice.userId, state_key: alice.userId }],
        ['another room', { room_id: `!other:${hive}` }],
        ['no state key', { state_key: undefined }],
        [
          'too many prev_events',
          { prev_events: Array.from({ length: 21 }, (_, index) => `$${String(index).repeat(43)}`.slice(0, 44)) },
        ],
        ['a depth that is none', { depth: -1 }],
        ['a time that is none', { origin_server_ts: 'now' }],
        ['too large', { content: { membership: 'join', displayname: 'x'.repeat(66_000) } }],
      ];
      for (const [what, change] of wrong) {
        const { pdu, eventId } = signed(event, rules, change);
        await refuses(asks('PUT', sends('join', room, eventId), pdu), 400, 'M_INVALID_PARAM', `${what} (version ${version})`);
      }
      const { pdu, eventId } = signed(event, rules);
      const path = sends('join', room, eventId);
      await refuses(asks('PUT', sends('join', room, `$${'a'.repeat(43)}`), pdu), 400, 'M_INVALID_PARAM', 'another id');
      await refuses(asks('PUT', path, { ...pdu, signatures: {} }), 400, 'M_INVALID_PARAM', 'no signature');
      const forged = { [stranger]: { [theFake().signingKey.keyId]: 'A'.repeat(86) } };
      await refuses(asks('PUT', path, { ...pdu, signatures: forged }), 400, 'M_INVALID_PARAM', 'a forged signature');

      const [first, again] = [await asks('PUT', path, pdu), await asks('PUT', path, pdu)];
      assert.deepEqual([first.status, again.status], [200, 200], JSON.stringify(first.body));
      assert.deepEqual(ids(first.body.state, rules), ids(again.body.state, rules));
      assert.ok(first.body.state.some(({ type }: Pdu) => type === 'm.room.create'));
      assert.ok(!first.body.state.some(({ state_key }: Pdu) => state_key === mallory), 'the state is the one before the join');
      assert.equal(first.body.members_omitted, false);
      const joined = await alice.get(`/rooms/${encodeURIComponent(room)}/joined_members`);
      assert.deepEqual(Object.keys(joined.joined).sort(), [alice.userId, mallory].sort());

      const lean = await asks('PUT', `${path}?omit_members=true`, pdu);
      assert.equal(lean.body.members_omitted, true);
      assert.deepEqual(lean.body.servers_in_room, [hive, stranger]);
      assert.deepEqual(
        lean.body.state.filter(({ type }: Pdu) => type === 'm.room.member').map(({ state_key }: Pdu) => state_key),
        [alice.userId],
        'by whom the nameless room is called',
      );
    }
  });

  test('who was banned meanwhile, or is shut out with the whole server, stays out', async () => {
    const { alice, room, rules } = await publicRoom('10');
    const { event } = (await asks('GET', makes('join', room))).body;
    const { pdu, eventId } = signed(event, rules);
    await alice.post(`/rooms/${encodeURIComponent(room)}/ban`, { user_id: mallory });
    await refuses(asks('PUT', sends('join', room, eventId), pdu), 403, 'M_FORBIDDEN', 'banned');
    await refuses(asks('GET', makes('join', room)), 403, 'M_FORBIDDEN', 'banned');

    const other = await publicRoom('10');
    const template = (await asks('GET', makes('join', other.room))).body.event;
    await other.alice.setsState(other.room, 'm.room.server_acl', { allow: ['*'], deny: [stranger] });
    const late = signed(template, rules);
    await refuses(asks('PUT', sends('join', other.room, late.eventId), late.pdu), 403, 'M_FORBIDDEN', 'shut out');
    await refuses(asks('GET', makes('join', other.room)), 403, 'M_FORBIDDEN', 'shut out');
  });

  test('a join upon an older head is taken in beside what has happened since', async () => {
    const { alice, room, rules } = await publicRoom('11');
    const { event } = (await asks('GET', makes('join', room))).body;
    await alice.setsState(room, 'm.room.name', { name: 'meanwhile' });
    const { pdu, eventId } = signed(event, rules);
    const { status, body } = await asks('PUT', sends('join', room, eventId), pdu);
    assert.equal(status, 200, JSON.stringify(body));
    await alice.says('all are here', room);
    const member = await alice.get(`/rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(mallory)}`);
    assert.equal(member.membership, 'join');
    const name = await alice.get(`/rooms/${encodeURIComponent(room)}/state/m.room.name`);
    assert.equal(name.name, 'meanwhile');
  });

  test('nobody gets into a restricted room by naming somebody', async () => {
    const alice = await home().person('alice');
    const space = await alice.createsRoom({ preset: 'public_chat' });
    const allow = [{ type: 'm.room_membership', room_id: space }];
    const room = await alice.createsRoom({
      room_version: '10',
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
    });
    await refuses(asks('GET', makes('join', room)), 403, 'M_FORBIDDEN', 'not in the space');
    const elsewhere = await alice.createsRoom({
      room_version: '10',
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!far:away.example' }] },
        },
      ],
    });
    await refuses(asks('GET', makes('join', elsewhere)), 400, 'M_UNABLE_TO_AUTHORISE_JOIN', 'a space that nobody here knows');
    // A template from an open room of the same kind, turned into a join of the closed one.
    const open = await publicRoom('10');
    const { event } = (await asks('GET', makes('join', open.room))).body;
    const rules = rulesOf('10');
    const content = { membership: 'join', join_authorised_via_users_server: alice.userId };
    const { pdu, eventId } = signed(event, rules, { room_id: room as never, content });
    await refuses(asks('PUT', sends('join', room, eventId), pdu), 403, 'M_FORBIDDEN', 'by a word that was not given');
  });

  test('invites of strangers are signed where they are good, and seen; all others are refused', async () => {
    const alice = await home().person('alice');
    const invite = (room: FakeRoom, target = alice.userId, change: Partial<Pdu> = {}) =>
      room.event({ type: 'm.room.member', stateKey: target, content: { membership: 'invite' } }, { origin: stranger, ...change });
    const path = (room: FakeRoom, eventId: string): string =>
      `/_matrix/federation/v2/invite/${encodeURIComponent(room.roomId)}/${encodeURIComponent(eventId)}`;
    for (const version of ['1', '10', '12']) {
      const room = new FakeRoom(theFake(), version);
      const { eventId, pdu } = invite(room);
      const body = (event: unknown, more: object = {}): object => ({
        room_version: version,
        event,
        invite_room_state: room.state,
        ...more,
      });
      await refuses(
        asks('PUT', path(room, eventId), body(pdu, { room_version: '99' })),
        400,
        'M_INCOMPATIBLE_ROOM_VERSION',
        '99',
      );
      const wrong: [what: string, event: ReturnType<typeof invite>][] = [
        ['a join', invite(room, alice.userId, { content: { membership: 'join' } })],
        ['another type', invite(room, alice.userId, { type: 'm.room.topic' })],
        ['a user of theirs', invite(room, `@bob:${stranger}`)],
        ['a sender of ours', invite(room, alice.userId, { sender: alice.userId as never })],
        ['another room', invite(room, alice.userId, { room_id: `!other:${stranger}` as never })],
      ];
      for (const [what, event] of wrong) {
        await refuses(asks('PUT', path(room, event.eventId), body(event.pdu)), 400, 'M_INVALID_PARAM', `${what} (${version})`);
      }
      await refuses(asks('PUT', path(room, eventId), body({ ...pdu, signatures: {} })), 400, 'M_INVALID_PARAM', 'unsigned');
      const nobody = invite(room, `@nobody:${hive}`);
      await refuses(asks('PUT', path(room, nobody.eventId), body(nobody.pdu)), 404, 'M_NOT_FOUND', 'nobody');

      const { status, body: answer } = await asks('PUT', path(room, eventId), body(pdu));
      assert.equal(status, 200, JSON.stringify(answer));
      assert.deepEqual(Object.keys(answer.event.signatures).sort(), [hive, stranger]);
      assert.equal((await asks('PUT', path(room, eventId), body(pdu))).status, 200, 'once more is no harm');
      const shown = await alice.syncsUntil((sync) => sync.rooms?.invite?.[room.roomId]);
      assert.ok(shown.invite_state.events.some(({ type }: any) => type === 'm.room.create'));
      // The stranger does not answer: she is rid of it all the same.
      await alice.leaves(room.roomId);
      await alice.syncsUntil((sync) => sync.rooms?.leave?.[room.roomId]);
    }
    const room = new FakeRoom(theFake(), '12');
    const { eventId, pdu } = invite(room);
    const about = { room_version: '12', event: pdu };
    await refuses(asks('PUT', path(room, eventId), about), 400, 'M_MISSING_PARAM', 'nothing shown');
    const other = new FakeRoom(theFake(), '12');
    for (const [what, shown] of [
      ['no create event', room.state.slice(1)],
      ['events of another room', other.state],
      ['stripped events', room.state.map(({ type, content, sender, state_key }) => ({ type, content, sender, state_key }))],
    ] as const) {
      await refuses(asks('PUT', path(room, eventId), { ...about, invite_room_state: shown }), 400, 'M_INVALID_PARAM', what);
    }
    const tenth = new FakeRoom(theFake(), '10');
    const asEleventh = { room_version: '11', event: invite(tenth).pdu, invite_room_state: tenth.state };
    await refuses(asks('PUT', path(tenth, invite(tenth).eventId), asEleventh), 400, 'M_INVALID_PARAM', 'another version');
    const posing = invite(tenth, alice.userId, { room_id: room.roomId });
    const asOld = { room_version: '10', event: posing.pdu, invite_room_state: [] };
    await refuses(asks('PUT', path(room, posing.eventId), asOld), 400, 'M_INVALID_PARAM', 'the id of a later version');
    const v1 = new FakeRoom(theFake(), '1');
    const old = invite(v1);
    const oldPath = path(v1, old.eventId).replace('/v2/', '/v1/');
    const answer = await asks('PUT', oldPath, { ...old.pdu, unsigned: { invite_room_state: v1.state } });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body[0], 200);
    assert.ok(hive in answer.body[1].event.signatures);
  });

  test('who lies about a room’s version stands in the way of no invite that proves another', async () => {
    const alice = await home().person('alice');
    const room = new FakeRoom(theFake(), '10');
    const invite = { type: 'm.room.member', stateKey: alice.userId, content: { membership: 'invite' } };
    const { eventId, pdu } = room.event(invite, { origin: stranger });
    const path = `/_matrix/federation/v2/invite/${encodeURIComponent(room.roomId)}/${encodeURIComponent(eventId)}`;
    const says = (room_version: string, invite_room_state: readonly unknown[]): Promise<HttpAnswer> =>
      asks('PUT', path, { room_version, event: pdu, invite_room_state });
    assert.equal((await says('9', [])).status, 200, 'a lie that nobody can tell from the truth');
    await refuses(says('10', []), 400, 'M_INVALID_PARAM', 'word against word');
    const { type, state_key, sender, content } = room.create.pdu;
    await refuses(says('10', [{ type, state_key, sender, content }]), 400, 'M_INVALID_PARAM', 'unsigned');
    const { status, body } = await says('10', room.state);
    assert.equal(status, 200, JSON.stringify(body));
    serves(theFake(), room, alice, withState);
    await alice.joins(room.roomId);
  });

  test('Alice joins a stranger’s room; what is wrong in it is left out, what is rotten is not entered', async () => {
    for (const version of ['1', '10', '12']) {
      const bob = await home().person('bob');
      const good = new FakeRoom(theFake(), version);
      const topic = good.adds(good.event({ type: 'm.room.topic', stateKey: '', content: { topic: 'ours' } }));
      const forged = good.event({ type: 'm.room.name', stateKey: '', content: { name: 'forged' } });
      const unsigned = { ...forged.pdu, signatures: { [stranger]: { [theFake().signingKey.keyId]: 'A'.repeat(86) } } };
      serves(theFake(), good, bob, () => ({ state: [...good.state, unsigned], auth_chain: good.state }));
      await bob.post(`/join/${encodeURIComponent(good.roomId)}?via=${stranger}`);
      const state: any[] = await bob.get(`/rooms/${encodeURIComponent(good.roomId)}/state`);
      const shown = Object.fromEntries(state.map(({ type, content }) => [type, content]));
      assert.deepEqual(shown['m.room.topic'], topic.pdu.content);
      assert.equal(shown['m.room.name'], undefined);

      const rotten: [what: string, answer: (room: FakeRoom) => { state: unknown[]; auth_chain: unknown[] }][] = [
        ['nothing at all', () => ({ state: [], auth_chain: [] })],
        ['no create event', (room) => ({ state: room.state.slice(1), auth_chain: room.state.slice(1) })],
        ['no join rules', (room) => ({ state: room.state.slice(0, -1), auth_chain: room.state })],
        ['no auth chain', (room) => ({ state: room.state.slice(1), auth_chain: [] })],
        ['another room', () => withState(new FakeRoom(theFake(), version))],
        [
          'events that nobody signed',
          (room) => ({ state: room.state.map((pdu) => ({ ...pdu, signatures: {} })), auth_chain: [] }),
        ],
        ['no events', () => ({ state: ['what', 7, null], auth_chain: [{}] })],
      ];
      for (const [what, answer] of rotten) {
        const room = new FakeRoom(theFake(), version);
        serves(theFake(), room, bob, answer);
        const { status } = await bob.request('POST', `/join/${encodeURIComponent(room.roomId)}?via=${stranger}`, { body: {} });
        assert.ok(status === 502 || status === 403, `${what} (version ${version}): ${status}`);
        assert.deepEqual((await bob.get('/joined_rooms')).joined_rooms, [good.roomId], `${what} (version ${version})`);
      }
    }
  });

  test('of what a stranger shows to whoever knocks, only what is signed is shown', async () => {
    for (const version of ['10', '12']) {
      const bob = await home().person('bob');
      const room = new FakeRoom(theFake(), version);
      const named = (type: string, content: JsonObject): Pdu => room.event({ type, stateKey: '', content }).pdu;
      const forged = { ...named('m.room.name', { name: 'forged' }), signatures: room.create.pdu.signatures };
      const changed = { ...named('m.room.avatar', { url: 'mxc://good/one' }), content: { url: 'mxc://evil/one' } };
      const elsewhere = new FakeRoom(theFake(), version).event({ type: 'm.room.encryption', stateKey: '', content: {} }).pdu;
      const stripped = { type: 'm.room.topic', state_key: '', sender: room.creator, content: { topic: 'as of old' } };
      const at = (step: string): string => `/_matrix/federation/v1/${step}_knock/${encodeURIComponent(room.roomId)}/`;
      theFake().answersUnder.set(at('make'), () => room.template(bob.userId, 'knock'));
      const knock_room_state = [...room.state, forged, changed, elsewhere, stripped];
      theFake().answersUnder.set(at('send'), () => ({ knock_room_state }));
      await bob.post(`/knock/${encodeURIComponent(room.roomId)}?via=${stranger}`);
      const shown = await bob.syncsUntil((answer) => answer.rooms?.knock?.[room.roomId]);
      const contents = new Map<string, unknown>(shown.knock_state.events.map(({ type, content }: any) => [type, content]));
      assert.ok(contents.has('m.room.create'));
      assert.equal(contents.has('m.room.name'), false, 'signed by nobody');
      assert.deepEqual(contents.get('m.room.avatar'), {}, 'changed on the way');
      assert.equal(contents.has('m.room.encryption'), false, 'of another room');
      assert.equal(contents.has('m.room.topic'), version === '10', 'stripped, as older servers have it');
    }
  });

  test('templates that are not what was asked for are not signed', async () => {
    const bob = await home().person('bob');
    const room = new FakeRoom(theFake(), '10');
    const template = room.template(bob.userId, 'join') as { event: Record<string, unknown> };
    const wrong: [what: string, answer: unknown][] = [
      ['another sender', { ...template, event: { ...template.event, sender: mallory } }],
      ['somebody else', { ...template, event: { ...template.event, state_key: mallory } }],
      ['another type', { ...template, event: { ...template.event, type: 'm.room.power_levels' } }],
      ['a knock', { ...template, event: { ...template.event, content: { membership: 'knock' } } }],
      ['another room', { ...template, event: { ...template.event, room_id: `!other:${stranger}` } }],
      ['no prev_events', { ...template, event: { ...template.event, prev_events: [] } }],
      ['no event', { room_version: '10' }],
      ['an unknown version', { ...template, room_version: '99' }],
    ];
    for (const [what, answer] of wrong) {
      theFake().answers.set(
        `/_matrix/federation/v1/make_join/${encodeURIComponent(room.roomId)}/${encodeURIComponent(bob.userId)}`,
        () => answer,
      );
      const { status, body } = await bob.request('POST', `/join/${encodeURIComponent(room.roomId)}?via=${stranger}`, {
        body: {},
      });
      assert.ok(status === 502 || body.errcode === 'M_UNSUPPORTED_ROOM_VERSION', `${what}: ${JSON.stringify(body)}`);
    }
    const sent = theFake().site.requests.filter(
      ({ url }) => url.includes(encodeURIComponent(room.roomId)) && url.includes('send_join'),
    );
    assert.equal(sent.length, 0);
  });
});

/** Lets a fake server answer joins of its room: with a good template, and with what the test wants behind it. */
function serves(
  server: FakeServer,
  room: FakeRoom,
  user: Person,
  answer: (room: FakeRoom) => { state: unknown[]; auth_chain: unknown[] },
): void {
  const make = `/_matrix/federation/v1/make_join/${encodeURIComponent(room.roomId)}/${encodeURIComponent(user.userId)}`;
  server.answers.set(make, () => {
    const send = `/_matrix/federation/v2/send_join/${encodeURIComponent(room.roomId)}/`;
    // The event's id is not known before it comes.
    server.answersUnder.set(send, () => answer(room));
    return room.template(user.userId, 'join');
  });
}

function withState(room: FakeRoom): { state: Pdu[]; auth_chain: Pdu[] } {
  return { state: room.state, auth_chain: room.state };
}

function ids(pdus: Pdu[], rules: RoomVersionRules): string[] {
  return pdus.map((pdu) => eventIdOf(pdu, rules)).sort();
}
