import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { signPdu, type Pdu } from '@myelin/protocol/events';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey, signJson } from '@myelin/protocol/signatures';
import { noPostgresReason, postgresDatabases, sqliteDatabases, type Person, type TestHomeserverOptions } from '@myelin/testing';
import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';
const stranger = 'stranger.example';

/** Runs a story on servers of its own. */
async function among(
  names: readonly string[],
  options: Omit<TestHomeserverOptions, 'resolver'>,
  story: (federation: FederatedHomeservers) => Promise<void>,
): Promise<void> {
  const federation = await startFederation(names, options);
  try {
    await story(federation);
  } finally {
    await federation.stop();
  }
}

/** Gives a fake server an invite, which it answers as the test says. */
async function invitesAStranger(
  alice: Person,
  fake: FakeServer,
  answer: (path: string, body: any) => unknown,
  version: string,
): Promise<{ status: number; body: any; paths: string[]; members: string[] }> {
  for (const generation of ['v1', 'v2']) {
    const path = `/_matrix/federation/${generation}/invite/`;
    fake.answersUnder.set(path, (_, body) => answer(path, body));
  }
  const room = await alice.createsRoom({ room_version: version, preset: 'private_chat' });
  const { status, body } = await alice.request('POST', `/rooms/${encodeURIComponent(room)}/invite`, {
    body: { user_id: `@guest:${stranger}` },
  });
  const { chunk } = await alice.get(`/rooms/${encodeURIComponent(room)}/members`);
  const asked = fake.site.requests.filter(({ url }) => url.includes(encodeURIComponent(room)));
  const paths = asked.flatMap(({ url }) => /(v[12])\/invite\//.exec(url)?.[1] ?? []);
  return { status, body, paths, members: chunk.map(({ state_key }: any) => state_key) };
}

const signedBy = (fake: FakeServer, event: Pdu, version: string): Pdu => {
  const rules = roomVersionRules(version);
  assert.ok(rules);
  return signPdu(event, fake.name, fake.signingKey, rules);
};

describe('memberships over federation, and what servers can be told about them', () => {
  test('a room that is too large is not joined, except by whom the settings name', async () => {
    const config = {
      limit_remote_rooms: { enabled: true, complexity: 0.05, complexity_error: 'too much', admins_can_join: true },
    };
    await among([hive, nest], { config }, async (federation) => {
      const alice = await federation.named(hive).person('alice');
      const [bob, admin] = [await federation.named(nest).person('bob'), await federation.named(nest).admin('ada')];
      const small = await alice.createsRoom({ preset: 'public_chat' });
      const state = Array.from({ length: 30 }, (_, index) => ({
        type: 'org.example.thing',
        state_key: String(index),
        content: {},
      }));
      const large = await alice.createsRoom({ preset: 'public_chat', initial_state: state });
      await bob.post(`/join/${encodeURIComponent(small)}?via=${hive}`);
      const path = `/join/${encodeURIComponent(large)}?via=${hive}`;
      const refusal = { status: 400, errcode: 'M_RESOURCE_LIMIT_EXCEEDED' };
      assert.equal((await bob.isRefused('POST', path, refusal, { body: {} })).error, 'too much');
      await admin.post(path);
    });
  });

  test('an invite is answered by older servers as they can, and by nobody with something else', async () => {
    await among([hive], {}, async (federation) => {
      const alice = await federation.named(hive).person('alice');
      const fake = await FakeServer.start(stranger, federation);
      const old = await invitesAStranger(
        alice,
        fake,
        (path, body) => (path.includes('v1') ? [200, { event: signedBy(fake, body, '1') }] : undefined),
        '1',
      );
      assert.equal(old.status, 200, JSON.stringify(old.body));
      assert.deepEqual(old.paths, ['v2', 'v1']);
      assert.ok(old.members.includes(`@guest:${stranger}`));

      const other = await invitesAStranger(alice, fake, (_, { event }) => ({ event: { ...event, depth: 7 } }), '10');
      assert.equal(other.status, 502);
      assert.deepEqual(other.members.length, 1);
      const unsigned = await invitesAStranger(alice, fake, (_, { event }) => ({ event }), '10');
      assert.equal(unsigned.status, 502);

      const refusals: [answer: object, status: number, errcode: string][] = [
        [{ status: 403, errcode: 'M_FORBIDDEN', error: 'no' }, 403, 'M_FORBIDDEN'],
        [{ status: 403, errcode: 'M_INVITE_BLOCKED', error: 'no' }, 403, 'M_INVITE_BLOCKED'],
        [
          { status: 400, errcode: 'M_INCOMPATIBLE_ROOM_VERSION', error: 'no', room_version: '12' },
          400,
          'M_UNSUPPORTED_ROOM_VERSION',
        ],
        [{ status: 400, errcode: 'M_INVALID_PARAM', error: 'no' }, 502, 'M_UNKNOWN'],
        [{ status: 500, errcode: 'M_UNKNOWN', error: 'no' }, 502, 'M_UNKNOWN'],
      ];
      for (const [answer, status, errcode] of refusals) {
        const refused = await invitesAStranger(alice, fake, () => answer, '12');
        assert.deepEqual([refused.status, refused.body.errcode], [status, errcode]);
        assert.equal(refused.members.length, 1);
      }
      await fake.stop();
    });
  });

  test('a server may leave inviting its people to nobody', async () => {
    await among([hive, nest], { config: { block_non_admin_invites: true } }, async (federation) => {
      const admin = await federation.named(hive).admin('ada');
      const bob = await federation.named(nest).person('bob');
      const room = await admin.createsRoom({ preset: 'private_chat' });
      const refusal = { status: 403, errcode: 'M_FORBIDDEN' };
      const body = { user_id: bob.userId };
      await admin.isRefused('POST', `/rooms/${encodeURIComponent(room)}/invite`, refusal, { body });
    });
  });

  test('whoever is behind an address that was invited gets the invite by the word of the identity server', async () => {
    await among([hive, nest], {}, async (federation) => {
      const alice = await federation.named(hive).person('alice');
      const bob = await federation.named(nest).person('bob');
      const fake = await FakeServer.start(stranger, federation);
      const identityKey = generateSigningKey(new Uint8Array(32).fill(3));
      const room = await alice.createsRoom({ preset: 'private_chat' });
      const { publicKey: public_key } = identityKey;
      const invitation = {
        display_name: 'b...',
        key_validity_url: 'https://id.example/',
        public_key,
        public_keys: [{ public_key }],
      };
      await alice.setsState(room, 'm.room.third_party_invite', invitation, 'token');
      const uri = `/_matrix/federation/v1/exchange_third_party_invite/${encodeURIComponent(room)}`;
      const exchange = (mxid: string, token: string, key = identityKey): Promise<{ status: number; body: any }> => {
        const signed = signJson({ mxid, token }, 'id.example', key);
        const content = {
          type: 'm.room.member',
          room_id: room,
          sender: alice.userId,
          state_key: mxid,
          content: { membership: 'invite', third_party_invite: { display_name: 'b...', signed } },
        };
        const authorization = fake.authorization({ method: 'PUT', uri, destination: hive, content });
        return federation.named(hive).request('PUT', uri, { headers: { authorization }, body: content });
      };
      fake.answersUnder.set('/_matrix/federation/v2/invite/', (_, { event }) => ({ event: signedBy(fake, event, '12') }));
      const guest = `@guest:${stranger}`;
      assert.equal((await exchange(bob.userId, 'token')).status, 403, 'a user of a third server');
      assert.equal((await exchange(guest, 'other')).status, 403, 'an unknown token');
      const forger = generateSigningKey(new Uint8Array(32).fill(4));
      assert.equal((await exchange(guest, 'token', forger)).status, 403, 'another identity server');
      const { status, body } = await exchange(guest, 'token');
      assert.equal(status, 200, JSON.stringify(body));
      const member = await alice.get(`/rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(guest)}`);
      assert.equal(member.membership, 'invite');
      await fake.stop();
    });
  });

  const invitedThroughARestart = async (federation: FederatedHomeservers): Promise<void> => {
    const alice: Person = await federation.named(hive).person('alice');
    const bob: Person = await federation.named(nest).person('bob');
    const room = await alice.createsRoom({ preset: 'private_chat', name: 'Hive' });
    await alice.invites(bob, room);
    await federation.named(nest).restart();
    await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
    await federation.named(hive).restart();
    await bob.joins(room);
    const said = await bob.says('here I am', room);
    await alice.syncsUntil((answer) =>
      answer.rooms?.join?.[room]?.timeline.events.some(({ event_id }: any) => event_id === said),
    );
    await alice.post(`/rooms/${encodeURIComponent(room)}/kick`, { user_id: bob.userId });
    await bob.syncsUntil((answer) => answer.rooms?.leave?.[room]);
    await alice.invites(bob, room);
    await federation.named(nest).restart();
    await bob.joins(room);
    assert.deepEqual((await bob.get('/joined_rooms')).joined_rooms, [room]);
  };
  test('invites and rooms outlive the servers’ restarts (SQLite)', () =>
    among([hive, nest], { databases: sqliteDatabases }, invitedThroughARestart));
  const postgres = postgresDatabases();
  test(
    'invites and rooms outlive the servers’ restarts (PostgreSQL)',
    { skip: postgres ? false : (noPostgresReason() ?? true) },
    () => {
      assert.ok(postgres);
      return among([hive, nest], { databases: postgres }, invitedThroughARestart);
    },
  );
});
