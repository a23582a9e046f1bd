import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { UserId } from '@myelin/protocol/identifiers';
import { signJson } from '@myelin/protocol/signatures';
import type { HttpAnswer, Person } from '@myelin/testing';
import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { FakeRoom } from './fake-room.ts';

const hive = 'hive.example';
const honest = 'honest.example';
const outlaw = 'den.outlaws.example';
const villain = `@villain:${outlaw}` as UserId;
const denied = { status: 403, errcode: 'M_FORBIDDEN' };

describe('servers that the operator has denied', () => {
  let federation: FederatedHomeservers;
  let fakes: Record<'honest' | 'outlaw', FakeServer>;
  let alice: Person;
  const heard = Promise.withResolvers<void>();
  before(async () => {
    const config = {
      federation_domain_denylist: ['*.outlaws.example'],
      trusted_key_servers: [{ server_name: honest, accept_keys_insecurely: true }],
    };
    federation = await startFederation([hive], { config });
    fakes = { honest: await FakeServer.start(honest, federation), outlaw: await FakeServer.start(outlaw, federation) };
    fakes.honest.answersUnder.set('/_matrix/federation/v1/send/', (_request, body) => {
      if (body.pdus.some(({ content }: any) => content.body === 'hear, hear')) heard.resolve();
      return { pdus: {} };
    });
    fakes.honest.answers.set('/_matrix/key/v2/query', () => ({
      server_keys: [signJson(fakes.outlaw.publishedKeys(), honest, fakes.honest.signingKey)],
    }));
    alice = await federation.named(hive).person('alice');
  });
  after(async () => {
    for (const fake of Object.values(fakes)) await fake.stop();
    await federation.stop();
  });

  /** A request that a fake server proves. */
  const asks = (fake: FakeServer, method: string, uri: string, content?: unknown): Promise<HttpAnswer> => {
    const authorization = fake.authorization({ method, uri, destination: hive, content });
    const body = content === undefined ? {} : { body: content };
    return federation.named(hive).request(method, uri, { headers: { authorization }, ...body });
  };
  /** A room of the honest server's, in which the outlaws are too; Alice joins. */
  const entered = async (): Promise<FakeRoom> => {
    const room = new FakeRoom(fakes.honest, '11');
    room.others.push(fakes.outlaw);
    room.adds(room.event({ type: 'm.room.member', sender: villain, stateKey: villain, content: { membership: 'join' } }));
    const path = encodeURIComponent(room.roomId);
    fakes.honest.answers.set(`/_matrix/federation/v1/make_join/${path}/${encodeURIComponent(alice.userId)}`, () =>
      room.template(alice.userId, 'join'),
    );
    const state = room.state;
    fakes.honest.answersUnder.set(`/_matrix/federation/v2/send_join/${path}/`, () => ({ state, auth_chain: state }));
    await alice.post(`/join/${path}?via=${honest}`);
    return room;
  };

  test('nothing of theirs is taken: no request, no transaction, no invite', async () => {
    const room = await alice.createsRoom({ preset: 'public_chat', visibility: 'public' });
    const theirs = new FakeRoom(fakes.outlaw, '11');
    const { pdu, eventId } = theirs.event({ type: 'm.room.member', stateKey: alice.userId, content: { membership: 'invite' } });
    const typing = { edu_type: 'm.typing', content: { room_id: room, user_id: villain, typing: true } };
    const transaction = { origin: outlaw, origin_server_ts: 1, pdus: [pdu], edus: [typing] };
    const invite = { room_version: '11', event: pdu, invite_room_state: theirs.state };
    const path = encodeURIComponent(room);
    const requests: [method: string, path: string, content?: unknown][] = [
      ['PUT', 'v1/send/1', transaction],
      ['PUT', `v2/invite/${encodeURIComponent(theirs.roomId)}/${encodeURIComponent(eventId)}`, invite],
      ['GET', `v1/make_join/${path}/${encodeURIComponent(villain)}?ver=12`],
      ['GET', 'v1/publicRooms'],
      ['GET', `v1/query/profile?user_id=${encodeURIComponent(alice.userId)}`],
      ['POST', 'v1/user/keys/query', { device_keys: { [alice.userId]: [] } }],
    ];
    for (const [method, what, content] of requests) {
      const { status, body } = await asks(fakes.outlaw, method, `/_matrix/federation/${what}`, content);
      assert.deepEqual({ status, errcode: body.errcode }, denied, what);
    }
    const profile = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(alice.userId)}`;
    assert.equal((await asks(fakes.honest, 'GET', profile)).status, 200, 'others are served');
    assert.equal((await alice.syncs()).rooms?.invite?.[theirs.roomId], undefined);
  });

  test('nobody here reaches them', async () => {
    const room = await alice.createsRoom({ preset: 'private_chat' });
    await alice.isRefused('POST', `/rooms/${encodeURIComponent(room)}/invite`, denied, { body: { user_id: villain } });
    await alice.isRefused('POST', '/createRoom', denied, { body: { invite: [villain] } });
    const theirs = encodeURIComponent(new FakeRoom(fakes.outlaw, '11').roomId);
    const joining = await alice.request('POST', `/join/${theirs}?via=${outlaw}`, { body: {} });
    assert.ok(joining.status >= 400, 'a room that only they are in');
    const profile = await alice.request('GET', `/profile/${encodeURIComponent(villain)}`);
    assert.ok(profile.status >= 400, 'a profile');
    const { failures } = await alice.post('/keys/query', { device_keys: { [villain]: [] } });
    assert.deepEqual(Object.keys(failures), [outlaw]);
    assert.deepEqual(fakes.outlaw.site.requests, []);
  });

  test('in rooms that they are in as well, what is said here is sent past them', async () => {
    const room = await entered();
    const member = `/rooms/${encodeURIComponent(room.roomId)}/state/m.room.member/${encodeURIComponent(villain)}`;
    assert.equal((await alice.get(member)).membership, 'join', 'the room itself is the same for everybody');
    await alice.put(`/rooms/${encodeURIComponent(room.roomId)}/typing/${encodeURIComponent(alice.userId)}`, {
      typing: true,
      timeout: 5000,
    });
    await alice.sendsToDevices('m.dummy', { [villain]: { '*': {} } });
    await alice.says('hear, hear', room.roomId);
    await heard.promise;
    assert.deepEqual(fakes.outlaw.site.requests, []);
  });
});
