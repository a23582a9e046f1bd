import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import {
  noPostgresReason,
  postgresDatabases,
  sqliteDatabases,
  type HttpAnswer,
  type Person,
  type TestDatabases,
} from '@myelin/testing';
import { startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { hive, mallory, stranger, withAStranger } from '../stranger.ts';

const nest = 'nest.example';
const tea = 'org.example.tea';
const sending = '/_matrix/federation/v1/send/';

type Messages = Record<string, Record<string, unknown>>;

const messagesIn = (answer: any): any[] => answer.to_device?.events ?? [];
const textsIn = (answer: any): string[] => messagesIn(answer).map(({ content }) => content.text);
const to = (person: Person, text: string): Messages => ({ [person.userId]: { [person.deviceId]: { text } } });

/** What comes until there are so many. */
async function hears(person: Person, count: number): Promise<string[]> {
  const heard: string[] = [];
  for (let round = 0; round < count + 20 && heard.length < count; round++) heard.push(...textsIn(await person.waitsForSync()));
  return heard;
}

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`messages to devices on other servers (${label})`, { skip: skip ?? false }, () => betweenServers(databases));
  describe(`messages to devices, and a server that does as it likes (${label})`, { skip: skip ?? false }, () =>
    toldByAStranger(databases),
  );
}

function betweenServers(databases: TestDatabases | undefined): void {
  let federation: FederatedHomeservers | undefined;
  before(async () => {
    federation = await startFederation([hive, nest], databases && { databases });
  });
  after(() => federation?.stop());
  const servers = (): FederatedHomeservers => {
    assert.ok(federation);
    return federation;
  };
  const strangers = async (): Promise<{ alice: Person; phone: Person; laptop: Person }> => {
    const [alice, phone] = await Promise.all([servers().named(hive).person('alice'), servers().named(nest).person('bob')]);
    const laptop = await servers().named(nest).anotherDeviceOf(phone);
    await Promise.all([alice.syncs(), phone.syncs(), laptop.syncs()]);
    return { alice, phone, laptop };
  };

  test('they reach the devices that they name, or all of a user', async () => {
    const { alice, phone, laptop } = await strangers();
    await alice.sendsToDevices(tea, { [phone.userId]: { [phone.deviceId]: { text: 'phone' }, NOSUCHDEVICE: { text: 'lost' } } });
    await alice.sendsToDevices(tea, { [phone.userId]: { '*': { text: 'all' } }, [`@nobody:${nest}`]: { '*': {} } });
    assert.deepEqual(await hears(phone, 2), ['phone', 'all']);
    const answer = await laptop.syncs();
    assert.deepEqual(messagesIn(answer), [{ type: tea, sender: alice.userId, content: { text: 'all' } }]);
    await phone.sendsToDevices(tea, to(alice, 'back'));
    assert.deepEqual(await hears(alice, 1), ['back']);
  });

  test('more than one transaction holds arrives whole and in order', async () => {
    const { alice, phone } = await strangers();
    const said: string[] = [];
    for (let n = 0; n < 150; n++) {
      said.push(`${n}`);
      await alice.sendsToDevices(tea, to(phone, `${n}`));
    }
    assert.deepEqual(await hears(phone, said.length), said);
  });

  test('a server that is away for long gets everything when it is back, in order, through restarts of both', async () => {
    const { alice, phone } = await strangers();
    await servers().cutOff(nest);
    const said: string[] = [];
    for (let n = 0; n < 120; n++) {
      said.push(`${n}`);
      await alice.sendsToDevices(tea, to(phone, `${n}`), `away-${n}`);
      if (n === 40) await servers().named(hive).restart();
      if (n === 80) await servers().named(nest).restart();
    }
    // A client that did not get its answer asks again.
    await alice.sendsToDevices(tea, to(phone, 'twice'), 'away-119');
    await servers().reconnect(nest);
    await phone.sendsToDevices(tea, to(alice, 'I am back'));
    assert.deepEqual(await hears(phone, said.length), said);
    await alice.sendsToDevices(tea, to(phone, 'the last'));
    assert.deepEqual(await hears(phone, 1), ['the last']);
  });
}

function toldByAStranger(databases: TestDatabases | undefined): void {
  const {
    home,
    fake: theFake,
    asks,
  } = withAStranger({
    config: { rc_key_requests: { per_second: 0.001, burst_count: 2 } },
    ...(databases && { databases }),
  });
  let transactions = 0;
  let ids = 0;
  const transmits = async (edus: readonly unknown[], id = `txn${++transactions}`): Promise<HttpAnswer> => {
    const uri = `${sending}${id}`;
    const body = { origin: stranger, origin_server_ts: 1_700_000_000_000, pdus: [], edus };
    const answer = await asks('PUT', uri, body);
    assert.deepEqual([answer.status, answer.body], [200, { pdus: {} }]);
    return answer;
  };
  const edu = (messages: unknown, change: object = {}): unknown => ({
    edu_type: 'm.direct_to_device',
    content: { sender: mallory, type: tea, message_id: `id${++ids}`, messages, ...change },
  });

  test('one that is sent again is delivered once, in this life of the server and the next', async () => {
    const alice = await home().person('alice');
    const once = edu(to(alice, 'once'));
    await transmits([once, once], 'first');
    await transmits([once], 'first');
    await transmits([once], 'second');
    await home().restart();
    await transmits([once], 'third');
    await Promise.all([transmits([once]), transmits([once])]);
    await transmits([edu(to(alice, 'another'))]);
    assert.deepEqual(textsIn(await alice.syncs()), ['once', 'another']);
  });

  test('nobody speaks for others, and what is no message is passed over', async () => {
    const alice = await home().person('alice');
    const forged = to(alice, 'forged');
    await transmits([
      edu(forged, { sender: alice.userId }),
      edu(forged, { sender: '@carol:third.example' }),
      edu(forged, { sender: 7 }),
      edu(forged, { type: undefined }),
      edu(forged, { type: 't'.repeat(256) }),
      edu(forged, { message_id: undefined }),
      edu(forged, { message_id: 7 }),
      edu(forged, { message_id: 'x'.repeat(256) }),
      edu([forged]),
      edu(undefined),
      edu({ [alice.userId]: { [alice.deviceId]: 'forged' } }),
      edu({ [alice.userId]: [{ text: 'forged' }] }),
      edu({ alice: { [alice.deviceId]: { text: 'forged' } } }),
      edu({ [alice.userId]: { [alice.deviceId]: { text: 'x'.repeat(70_000) } } }),
      edu({ ...to(alice, 'true'), '@carol:third.example': { '*': {} }, [mallory]: { '*': {} } }),
    ]);
    assert.deepEqual(messagesIn(await alice.syncs()), [{ type: tea, sender: mallory, content: { text: 'true' } }]);
  });

  test('requests for keys beyond the limit are not delivered, other messages are', async () => {
    const alice = await home().person('alice');
    const request = (text: string) => edu(to(alice, text), { type: 'm.room_key_request' });
    await transmits([request('1'), request('2'), request('3'), edu(to(alice, 'tea'))]);
    assert.deepEqual(textsIn(await alice.syncs()), ['1', '2', 'tea']);
  });

  test('a server that refuses is asked again with the same messages, many of them in one', async () => {
    const alice = await home().person('alice');
    const bodies: any[] = [];
    const taken = new Promise<void>((resolve) => {
      theFake().answersUnder.set(sending, (_request, body) => {
        bodies.push(body);
        if (bodies.length === 1) return { status: 500, errcode: 'M_UNKNOWN', error: 'not now' };
        resolve();
        return { pdus: {} };
      });
    });
    const devices = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`DEVICE${n}`, { text: 'x'.repeat(1000), n }]));
    await alice.sendsToDevices(tea, { [mallory]: devices, [`@trudy:${stranger}`]: { '*': { text: 'all' } } });
    // It shows that it lives, and is tried at once.
    for (let life = 0; bodies.length === 0; life++) await transmits([]);
    await transmits([]);
    await taken;
    const [refused, accepted] = bodies;
    assert.deepEqual(accepted.edus, refused.edus);
    const contents = accepted.edus.map(({ edu_type: type, content }: any) => {
      assert.equal(type, 'm.direct_to_device');
      assert.deepEqual([content.sender, content.type], [alice.userId, tea]);
      return content;
    });
    assert.equal(contents.length, 4, '200 kB in EDUs of 64 KiB');
    assert.equal(new Set(contents.map(({ message_id: id }: any) => id)).size, contents.length);
    const arrived = Object.assign({}, ...contents.map(({ messages }: any) => messages[mallory]));
    assert.deepEqual(arrived, devices);
    assert.deepEqual(contents.at(-1).messages[`@trudy:${stranger}`], { '*': { text: 'all' } });
  });
}
