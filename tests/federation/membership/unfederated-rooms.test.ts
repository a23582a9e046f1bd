import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Person } from '@myelin/testing';
import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { FakeRoom } from '../fake-room.ts';
import { Stage } from '../hostile/hostile-room.ts';
import { mallory } from '../stranger.ts';

const hive = 'hive.example';
const nest = 'nest.example';
const stranger = 'stranger.example';
const closed = { creation_content: { 'm.federate': false } };
const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };

describe('rooms of one server only', () => {
  let federation: FederatedHomeservers;
  before(async () => {
    federation = await startFederation([hive, nest]);
  });
  after(() => federation.stop());
  const people = async (): Promise<{ alice: Person; bob: Person; carol: Person }> => ({
    alice: await federation.named(hive).person('alice'),
    carol: await federation.named(hive).person('carol'),
    bob: await federation.named(nest).person('bob'),
  });

  for (const version of ['1', '10', '12']) {
    test(`those of the server talk; others neither come in, nor are invited, nor look in (version ${version})`, async () => {
      const { alice, bob, carol } = await people();
      const room = await alice.createsRoom({
        ...closed,
        room_version: version,
        preset: 'public_chat',
        room_alias_name: `closed-${version}`,
      });
      await carol.joins(room);
      const said = await alice.says('among us', room);
      await carol.syncsUntil((answer) => JSON.stringify(answer.rooms?.join?.[room] ?? {}).includes(said));

      const alias = `#closed-${version}:${hive}`;
      for (const door of [`/join/${encodeURIComponent(room)}?via=${hive}`, `/join/${encodeURIComponent(alias)}`]) {
        await bob.isRefused('POST', door, forbidden, { body: {} });
      }
      const invite = { body: { user_id: bob.userId } };
      await alice.isRefused('POST', `/rooms/${encodeURIComponent(room)}/invite`, forbidden, invite);
      const synced = await bob.syncs();
      assert.deepEqual(Object.keys(synced.rooms?.invite ?? {}), []);
      const members = await alice.get(`/rooms/${encodeURIComponent(room)}/joined_members`);
      assert.deepEqual(Object.keys(members.joined).sort(), [alice.userId, carol.userId].sort());
    });
  }

  test('a knock from elsewhere is not heard', async () => {
    const { alice, bob } = await people();
    const room = await alice.createsRoom({
      ...closed,
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
    });
    await bob.isRefused('POST', `/knock/${encodeURIComponent(room)}?via=${hive}`, forbidden, { body: {} });
  });

  test('a room of one server is not made with people of another', async () => {
    const { alice, bob } = await people();
    await alice.isRefused('POST', '/createRoom', forbidden, { body: { ...closed, invite: [bob.userId] } });
  });

  test('Alice does not enter one of another server, whoever lets her in', async () => {
    const { alice } = await people();
    const fake = await FakeServer.start(stranger, federation);
    try {
      for (const version of ['10', '12']) {
        const room = new FakeRoom(fake, version, { 'm.federate': false });
        const at = `${room.roomId}/${alice.userId}`;
        const encoded = at.split('/').map(encodeURIComponent).join('/');
        const template = (): object => room.template(alice.userId, 'join');
        for (const path of [`/_matrix/federation/v1/make_join/${at}`, `/_matrix/federation/v1/make_join/${encoded}`]) {
          fake.answers.set(path, template);
        }
        fake.answersUnder.set('/_matrix/federation/v2/send_join/', () => ({
          origin: stranger,
          state: room.state,
          auth_chain: room.state,
          servers_in_room: [stranger],
        }));
        const door = `/join/${encodeURIComponent(room.roomId)}?via=${stranger}`;
        const { status } = await alice.request('POST', door, { body: {} });
        assert.ok(status >= 400, `${status}`);
        const joined = await alice.get('/joined_rooms');
        assert.ok(!joined.joined_rooms.includes(room.roomId));
      }
    } finally {
      await fake.stop();
    }
  });
});

describe('a stranger at the door of a room of one server only', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open();
  });
  after(() => stage.close());

  for (const version of ['10', '12']) {
    test(`neither templates, nor joins, nor events, nor what is in the room (version ${version})`, async () => {
      const alice = await stage.home.person('alice');
      const room = await alice.createsRoom({ ...closed, room_version: version, preset: 'public_chat' });
      const at = encodeURIComponent(room);
      const refused = async (method: string, uri: string, content?: unknown): Promise<void> => {
        const { status, body } = await stage.asks(method, uri, content);
        assert.equal(status, 403, `${method} ${uri}: ${JSON.stringify(body)}`);
      };
      await refused('GET', `/_matrix/federation/v1/make_join/${at}/${encodeURIComponent(mallory)}?ver=${version}`);
      await refused('GET', `/_matrix/federation/v1/make_knock/${at}/${encodeURIComponent(mallory)}?ver=${version}`);

      // A room that is open in all else, and what Mallory would send there.
      const open = await stage.room(version);
      const join = open.event(
        {
          type: 'm.room.member',
          stateKey: mallory,
          content: { membership: 'join' },
          auth: [],
          prev: [],
        },
        { room_id: room },
      );
      const { status } = await stage.asks(
        'PUT',
        `/_matrix/federation/v2/send_join/${at}/${encodeURIComponent(join.eventId)}`,
        join.pdu,
      );
      assert.ok(status === 403 || status === 400, `${status}`);
      const message = open.event({ auth: [], prev: [] }, { room_id: room });
      const { body } = await stage.sends({ pdus: [message.pdu] });
      assert.equal(typeof (body.pdus[message.eventId]?.error ?? 'kept from everybody'), 'string');
      const own = await alice.says('alone', room);
      const page = await alice.get(`/rooms/${at}/messages`, { dir: 'b', limit: 50 });
      assert.deepEqual(
        page.chunk.filter(({ sender }: any) => sender !== alice.userId),
        [],
      );
      for (const what of ['state', 'state_ids', 'event_auth']) {
        const uri =
          what === 'event_auth'
            ? `event_auth/${at}/${encodeURIComponent(own)}`
            : `${what}/${at}?event_id=${encodeURIComponent(own)}`;
        await refused('GET', `/_matrix/federation/v1/${uri}`);
      }
      await refused('GET', `/_matrix/federation/v1/backfill/${at}?v=${encodeURIComponent(own)}&limit=5`);
    });
  }
});
