import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import type { Pdu } from '@myelin/protocol/events';
import { freePort, ServerProcess, type HttpAnswer, type HttpClient, type Person, type TestHomeserver } from '@myelin/testing';
import { sqliteDatabases } from '@myelin/testing/databases';
import { FakeServer, forEachFederation } from '@myelin/testing/federation';
import { createCertificateAuthority, TestResolver } from '@myelin/testing/network';

import { CrowdedRoom } from '../crowded-room.ts';

const hive = 'hive.example';
const lazily = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { limit: 50 } } });
const noContract = { check: () => undefined, takeViolations: () => [] };

/** Looks again and again until something is so: what other servers do is not announced. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const inRoom = (answer: any, room: CrowdedRoom): any => answer.rooms?.join?.[room.roomId];
const path = (room: CrowdedRoom, rest: string): string => `/rooms/${encodeURIComponent(room.roomId)}${rest}`;

async function stateOf(person: Person, room: CrowdedRoom): Promise<Record<string, string>> {
  const state: any[] = await person.get(path(room, '/state'));
  return Object.fromEntries(state.map(({ type, state_key: key, event_id: id }) => [`${type} ${key}`, id]));
}

forEachFederation('rooms whose members come later', [hive], (federation) => {
  let servers: FakeServer[] = [];
  before(async () => {
    servers = [await FakeServer.start('meadow.example', federation()), await FakeServer.start('brook.example', federation())];
  });
  after(async () => {
    for (const server of servers) await server.stop();
  });

  const home = (): TestHomeserver => federation().named(hive);
  const [meadow, brook] = [(): FakeServer => servers[0] as FakeServer, (): FakeServer => servers[1] as FakeServer];
  let transactions = 0;
  const sends = async (from: FakeServer, ...pdus: Pdu[]): Promise<void> => transacts(from, { pdus });
  const transacts = async (from: FakeServer, what: { pdus: Pdu[]; edus?: object[] }): Promise<void> => {
    const uri = `/_matrix/federation/v1/send/partial${++transactions}`;
    const content = { origin: from.name, origin_server_ts: Date.now(), ...what };
    const authorization = from.authorization({ method: 'PUT', uri, destination: hive, content });
    const { status, body } = await home().request('PUT', uri, { headers: { authorization }, body: content });
    assert.equal(status, 200);
    for (const outcome of Object.values<any>(body.pdus)) assert.deepEqual(outcome, {});
  };
  const asks = (from: FakeServer, uri: string): Promise<HttpAnswer> => {
    const authorization = from.authorization({ method: 'GET', uri, destination: hive });
    return home().request('GET', uri, { headers: { authorization } });
  };
  const joins = async (person: Person, room: CrowdedRoom, via = room.server.name): Promise<void> => {
    await person.post(`/join/${encodeURIComponent(room.roomId)}?via=${via}`);
  };

  for (const version of ['10', '12']) {
    test(`Bob writes and reads in a room of version ${version} while its members are on their way`, async () => {
      const room = new CrowdedRoom(meadow(), brook(), 40, version);
      const bob = await home().person('bob');
      await joins(bob, room);
      assert.ok(room.isHeld);

      const first = await bob.get('/sync', { timeout: 0, filter: lazily });
      assert.ok(inRoom(first, room), 'who loads members lazily is in at once');
      const plain = await bob.get('/sync', { timeout: 0 });
      assert.equal(inRoom(plain, room), undefined, 'who wants all members waits');

      const hello = await bob.says('hello', room.roomId);
      await until('both servers hear of it', () =>
        [meadow(), brook()].every(({ name }) => room.heard.get(name)?.some(({ content }) => content['body'] === 'hello')),
      );

      const speaker = room.members[4] as (typeof room.members)[number];
      const spoken = room.adds(
        room.event({ type: 'm.room.message', sender: speaker, content: { msgtype: 'm.text', body: 'welcome' } }),
      );
      const banned = room.members[6] as (typeof room.members)[number];
      const ban = room.adds(room.event({ type: 'm.room.member', stateKey: banned, content: { membership: 'ban' } }));
      const gone = room.members[8] as (typeof room.members)[number];
      const leave = room.adds(
        room.event({ type: 'm.room.member', sender: gone, stateKey: gone, content: { membership: 'leave' } }),
      );
      await sends(meadow(), spoken.pdu, ban.pdu, leave.pdu);
      let lazy = await bob.get('/sync', { timeout: 0, filter: lazily, since: first.next_batch });
      const seen = new Set<string>();
      const told = new Set<string>();
      const note = (answer: any): void => {
        for (const event of inRoom(answer, room)?.timeline.events ?? []) seen.add(event.event_id);
        for (const event of inRoom(answer, room)?.state.events ?? []) told.add(event.state_key);
      };
      note(lazy);
      while (![hello, spoken.eventId, ban.eventId, leave.eventId].every((eventId) => seen.has(eventId))) {
        lazy = await bob.get('/sync', { timeout: 10_000, filter: lazily, since: lazy.next_batch });
        note(lazy);
      }
      assert.ok(told.has(speaker), 'who speaks is introduced');
      const typing = { room_id: room.roomId, user_id: speaker, typing: true };
      await transacts(meadow(), { pdus: [], edus: [{ edu_type: 'm.typing', content: typing }] });
      await until('Bob sees who types', async () => {
        const { ephemeral } = inRoom(await bob.get('/sync', { timeout: 0, filter: lazily, since: first.next_batch }), room);
        return ephemeral?.events.some(({ content }: any) => content.user_ids?.includes(speaker));
      });

      const before = `event_id=${encodeURIComponent(hello)}`;
      const roomPath = encodeURIComponent(room.roomId);
      for (const what of ['state', 'state_ids']) {
        const answer = await asks(meadow(), `/_matrix/federation/v1/${what}/${roomPath}?${before}`);
        assert.deepEqual([answer.status, answer.body.errcode], [404, 'M_NOT_FOUND'], what);
      }
      const waiting = [
        bob.get(path(room, '/members')),
        bob.get(path(room, '/joined_members')),
        bob.get(path(room, `/state/m.room.member/${room.members[0]}`)),
        bob.post(path(room, '/invite'), { user_id: '@guest:meadow.example' }).catch(() => undefined),
      ];
      assert.equal(await Promise.race([Promise.any(waiting), Promise.resolve('none yet')]), 'none yet');

      room.tellsMembers();
      const [members, joined, one] = await Promise.all(waiting);
      assert.equal(members.chunk.length, 42);
      assert.equal(Object.keys(joined.joined).length, 40);
      assert.equal(one.membership, 'join');
      assert.deepEqual(await stateOf(bob, room), room.current);

      const now = await bob.get('/sync', { timeout: 0, since: plain.next_batch });
      const shown = inRoom(now, room);
      assert.ok(shown, 'now the room comes as a new one');
      const memberships = new Map<string, string>();
      for (const { type, state_key: key, content } of [...shown.state.events, ...shown.timeline.events])
        if (type === 'm.room.member') memberships.set(key, content.membership);
      assert.equal(memberships.size, 42);
      assert.equal(shown.summary['m.joined_member_count'], 40);
      const later = inRoom(await bob.get('/sync', { timeout: 0, filter: lazily, since: lazy.next_batch }), room);
      assert.equal(later.summary['m.joined_member_count'], 40);
      assert.ok(later.state.events.filter(({ type }: any) => type === 'm.room.member').length < 10, 'lazily as before');
      assert.deepEqual(later.timeline.events, []);
    });
  }

  test('where the server through which Bob came in is gone, another tells the members', async () => {
    const room = new CrowdedRoom(meadow(), brook(), 10);
    const uri = `/_matrix/federation/v1/state/${encodeURIComponent(room.roomId)}`;
    brook().answers.set(uri, () => ({ status: 500, errcode: 'M_UNKNOWN', error: 'gone' }));
    brook().answers.delete(uri.replace('/state/', '/state_ids/'));
    const bob = await home().person('bob');
    await joins(bob, room, brook().name);
    room.tellsMembers();
    assert.deepEqual(await stateOf(bob, room), room.current);
    assert.ok(meadow().asked(uri) + meadow().asked(uri.replace('/state/', '/state_ids/')) > 0);
  });

  test('Bob is put out before he knows who is there, and comes back', async () => {
    const room = new CrowdedRoom(meadow(), brook(), 10);
    const bob = await home().person('bob');
    await joins(bob, room);
    let sync = await bob.get('/sync', { timeout: 0, filter: lazily });
    const kick = room.adds(room.event({ type: 'm.room.member', stateKey: bob.userId, content: { membership: 'leave' } }));
    await sends(meadow(), kick.pdu);
    while (!sync.rooms?.leave?.[room.roomId]) {
      sync = await bob.get('/sync', { timeout: 10_000, filter: lazily, since: sync.next_batch });
    }
    await bob.isRefused('GET', path(room, '/joined_members'), { status: 403, errcode: 'M_FORBIDDEN' });
    await joins(bob, room);
    await bob.says('I am back', room.roomId);
    room.tellsMembers();
    assert.equal(Object.keys((await bob.get(path(room, '/joined_members'))).joined).length, 12);
    assert.deepEqual(await stateOf(bob, room), room.current);
  });

  test('Dora of the same server comes in meanwhile, and Bob goes', async () => {
    const room = new CrowdedRoom(meadow(), brook(), 10);
    const [bob, dora] = [await home().person('bob'), await home().person('dora')];
    await joins(bob, room);
    await joins(dora, room);
    await dora.says('me too', room.roomId);
    await bob.leaves(room.roomId);
    assert.ok(room.isHeld);
    await until(
      'the others hear of both',
      () =>
        room.current[`m.room.member ${bob.userId}`] !== undefined &&
        room.events.some(({ pdu }) => pdu.sender === bob.userId && pdu.content['membership'] === 'leave'),
    );
    room.tellsMembers();
    assert.deepEqual(await stateOf(dora, room), room.current);
    await bob.isRefused('GET', path(room, '/joined_members'), { status: 403, errcode: 'M_FORBIDDEN' });
  });
});

test('a server that is killed while members are on their way knows all of them after its next start', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'myelin-partial-'));
  const authority = createCertificateAuthority();
  const authorityFile = join(directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificate);
  const resolver = new TestResolver();
  const fakes: FakeServer[] = [];
  for (let index = 0; index < 2; index++) {
    const port = await freePort();
    fakes.push(await FakeServer.start(`localhost:${port}`, { resolver, authority, port }));
  }
  const [one, other] = fakes as [FakeServer, FakeServer];
  const server = await ServerProcess.start(sqliteDatabases, {
    server_name: hive,
    federation_custom_ca_list: [authorityFile],
    ip_range_blacklist: [],
  });
  const clients: HttpClient[] = [];
  try {
    const bob = await server.registers('bob', "bob's secret", noContract);
    clients.push(bob.http);
    const room = new CrowdedRoom(one, other, 20);
    await bob.post(`/join/${encodeURIComponent(room.roomId)}?via=${encodeURIComponent(one.name)}`);
    await bob.says('before', room.roomId);
    await server.kill();
    await server.start();
    const lazy = await bob.get('/sync', { timeout: 0, filter: lazily });
    assert.ok(inRoom(lazy, room));
    await bob.says('after', room.roomId);
    room.tellsMembers();
    assert.equal(Object.keys((await bob.get(path(room, '/joined_members'))).joined).length, 22);
    await until('the servers have heard all', () => room.events.some(({ pdu }) => pdu.content['body'] === 'after'));
    assert.deepEqual(await stateOf(bob, room), room.current);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await server.stop();
    await Promise.all(fakes.map((fake) => fake.stop()));
    await rm(directory, { recursive: true, force: true });
  }
});
