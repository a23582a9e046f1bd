import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { generateSigningKey, signJson, type SigningKey } from '@myelin/protocol/signatures';
import type { HttpAnswer, Person, TestHomeserver } from '@myelin/testing';
import { startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';
const onBind = '/_matrix/federation/v1/3pid/onbind';
const identityKey = generateSigningKey(new Uint8Array(32).fill(3));
const forgersKey = generateSigningKey(new Uint8Array(32).fill(4));

describe('invites to addresses, once an identity server knows whose they are', () => {
  let federation: FederatedHomeservers | undefined;
  before(async () => {
    federation = await startFederation([hive, nest]);
  });
  after(() => federation?.stop());

  const server = (name: string): TestHomeserver => {
    assert.ok(federation);
    return federation.named(name);
  };

  /** Alice invites an address to a room of hers; what she calls it is a token. */
  const invitesAnAddress = async (alice: Person, version: string, token: string, content: object = {}): Promise<string> => {
    const room = await alice.createsRoom({ preset: 'private_chat', room_version: version, ...content });
    const { publicKey: public_key } = identityKey;
    const invitation = {
      display_name: 'b...',
      key_validity_url: 'https://id.example/',
      public_key,
      public_keys: [{ public_key }],
    };
    await alice.setsState(room, 'm.room.third_party_invite', invitation, token);
    return room;
  };
  const invite = (by: string, room: string, mxid: string, token: string, key: SigningKey = identityKey): object => ({
    medium: 'email',
    address: 'bob@example.org',
    mxid,
    room_id: room,
    sender: by,
    signed: signJson({ mxid, token }, 'id.example', key),
  });
  /** The identity server tells a homeserver whose the address is. It proves nothing. */
  const tells = (name: string, mxid: string, invites: readonly object[], method = 'PUT'): Promise<HttpAnswer> =>
    server(name).request(method, onBind, { body: { medium: 'email', address: 'bob@example.org', mxid, invites } });
  const membershipOf = async (viewer: Person, room: string, user: string): Promise<unknown> => {
    const path = `/rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(user)}`;
    return (await viewer.request('GET', path)).body?.membership;
  };

  for (const version of ['1', '10', '12']) {
    test(`Bob’s server has Alice’s server invite him (version ${version})`, async () => {
      const [alice, bob] = [await server(hive).person('alice'), await server(nest).person('bob')];
      const room = await invitesAnAddress(alice, version, 'token');
      const { status, body } = await tells(nest, bob.userId, [invite(alice.userId, room, bob.userId, 'token')]);
      assert.equal(status, 200, JSON.stringify(body));
      await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      assert.equal(await membershipOf(alice, room, bob.userId), 'invite');
      await bob.joins(room);
    });

    test(`Bob’s server is in the room, and invites him in Alice’s name (version ${version})`, async () => {
      const [alice, bob] = [await server(hive).person('alice'), await server(nest).person('bob')];
      const carol = await server(nest).person('carol');
      const room = await invitesAnAddress(alice, version, 'token');
      await alice.invites(carol, room);
      await carol.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      await carol.joins(room);
      const { status, body } = await tells(nest, bob.userId, [invite(alice.userId, room, bob.userId, 'token')]);
      assert.equal(status, 200, JSON.stringify(body));
      await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
      await alice.syncsUntil((answer) =>
        answer.rooms?.join?.[room]?.timeline.events.some(({ state_key }: any) => state_key === bob.userId),
      );
      assert.equal(await membershipOf(alice, room, bob.userId), 'invite');
      await bob.joins(room);
      // The same word once more, as identity servers send it, does not put him out of the room.
      const again = [invite(alice.userId, room, bob.userId, 'token')];
      assert.equal((await tells(nest, bob.userId, again, 'POST')).status, 200);
      assert.equal(await membershipOf(bob, room, bob.userId), 'join');
    });
  }

  test('words that are not the identity server’s, or about somebody else, invite nobody; one bad invite does not spoil the others', async () => {
    const [alice, bob] = [await server(hive).person('alice'), await server(nest).person('bob')];
    const near = await server(hive).person('nora');
    const room = await invitesAnAddress(alice, '10', 'token');
    const good = invite(alice.userId, room, bob.userId, 'token');
    const bad: [what: string, at: string, mxid: string, invites: readonly object[], status: number][] = [
      ['a user of another server', hive, bob.userId, [good], 400],
      ['nobody', nest, `@nobody:${nest}`, [], 404],
      [
        'signed for somebody else',
        nest,
        bob.userId,
        [{ ...good, signed: signJson({ mxid: alice.userId, token: 'token' }, 'id.example', identityKey) }],
        400,
      ],
      ['an unknown token', nest, bob.userId, [invite(alice.userId, room, bob.userId, 'other')], 403],
      ['another identity server', nest, bob.userId, [invite(alice.userId, room, bob.userId, 'token', forgersKey)], 403],
      [
        'the same where the server is in the room',
        hive,
        near.userId,
        [invite(alice.userId, room, near.userId, 'token', forgersKey)],
        403,
      ],
      ['somebody who has not invited', nest, bob.userId, [invite(near.userId, room, bob.userId, 'token')], 403],
      ['too many', nest, bob.userId, Array.from({ length: 101 }, () => good), 400],
    ];
    for (const [what, at, mxid, invites, expected] of bad) {
      const { status, body } = await tells(at, mxid, invites);
      assert.equal(status, expected, `${what}: ${JSON.stringify(body)}`);
    }
    assert.equal(await membershipOf(alice, room, bob.userId), undefined);
    assert.equal(await membershipOf(alice, room, near.userId), undefined);
    const { status } = await tells(nest, bob.userId, [invite(alice.userId, room, bob.userId, 'other'), good]);
    assert.equal(status, 403);
    await bob.syncsUntil((answer) => answer.rooms?.invite?.[room]);
  });
});
