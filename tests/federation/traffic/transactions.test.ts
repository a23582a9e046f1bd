import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { buildPdu, eventIdOf, hashAndSignPdu, type JsonObject, type Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';
import { longTimelines, type HttpAnswer, type Person } from '@myelin/testing';

import { hive, mallory, stranger, withAStranger } from '../stranger.ts';

const begin = 1_700_000_000_000;
const asIs = (pdu: Pdu): unknown => pdu;

interface Event {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/** A room of Alice's that Mallory has joined from a server which signs what it likes. */
interface Entered {
  readonly alice: Person;
  readonly room: string;
  readonly rules: RoomVersionRules;
  /** An event of Mallory's, whose `change` is made before it is hashed and signed. */
  event(body: string, change?: Partial<Pdu>): Event;
}

describe('transactions of a server that signs what it likes', () => {
  const { home, fake: theFake, asks } = withAStranger();
  const received: any[] = [];
  let transactions = 0;
  before(() => {
    theFake().answersUnder.set('/_matrix/federation/v1/send/', (_request, body) => {
      received.push(body);
      return { pdus: {} };
    });
  });
  const sends = (body: object, id = `txn${++transactions}`): Promise<HttpAnswer> =>
    asks('PUT', `/_matrix/federation/v1/send/${id}`, { origin: stranger, origin_server_ts: begin, pdus: [], ...body });

  const enters = async (version: string): Promise<Entered> => {
    const rules = roomVersionRules(version);
    assert.ok(rules);
    const alice = await home().person('alice');
    const room = await alice.createsRoom({ room_version: version, preset: 'public_chat' });
    const path = `${encodeURIComponent(room)}/${encodeURIComponent(mallory)}?ver=${version}`;
    const template = await asks('GET', `/_matrix/federation/v1/make_join/${path}`);
    const { origin: _, ...unsigned } = template.body.event;
    const join = hashAndSignPdu({ ...unsigned, origin_server_ts: begin }, theFake().name, theFake().signingKey, rules);
    const joinId = eventIdOf(join, rules);
    const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(room)}/${encodeURIComponent(joinId)}`;
    const answer = await asks('PUT', uri, join);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const idOf = (type: string): EventId => {
      const found = (answer.body.state as Pdu[]).find((pdu) => pdu.type === type);
      assert.ok(found);
      return eventIdOf(found, rules);
    };
    const authEvents = [...(rules.roomIdIsCreateEventHash ? [] : [idOf('m.room.create')]), idOf('m.room.power_levels'), joinId];
    let count = 0;
    return {
      alice,
      room,
      rules,
      event(body, change = {}) {
        const plain = buildPdu(
          {
            type: 'm.room.message',
            sender: mallory,
            roomId: room as RoomId,
            content: { msgtype: 'm.text', body },
            prevEvents: [{ eventId: joinId }],
            authEvents: authEvents.map((eventId) => ({ eventId })),
            depth: 20,
            originServerTs: begin + ++count,
          },
          rules,
        );
        const pdu = hashAndSignPdu({ ...plain, ...change }, theFake().name, theFake().signingKey, rules);
        return { eventId: eventIdOf(pdu, rules), pdu };
      },
    };
  };
  const timelineUntil = async ({ alice, room }: Entered, eventId: string): Promise<Map<string, any>> => {
    const seen = new Map<string, any>();
    await alice.syncsUntil((answer) => {
      for (const event of answer.rooms?.join?.[room]?.timeline?.events ?? []) seen.set(event.event_id, event);
      return seen.has(eventId);
    }, longTimelines);
    return seen;
  };

  for (const version of ['6', '10', '12']) {
    test(`each event gets what it deserves, and none harms another (version ${version})`, async () => {
      const entered = await enters(version);
      const { alice, room, event, rules } = entered;
      const otherKey = generateSigningKey(new Uint8Array(32).fill(9));
      const plain = event('a plain message');
      const forged = event('signed by another key');
      const cases: readonly (readonly [
        what: string,
        Event,
        wire: (pdu: Pdu) => unknown,
        error: RegExp | undefined,
        seen: boolean,
      ])[] = [
        ['a plain message', plain, asIs, undefined, true],
        ['the same again', plain, asIs, undefined, true],
        [
          'a wrong signature',
          forged,
          (pdu) => ({
            ...pdu,
            signatures: hashAndSignPdu({ ...pdu, signatures: {} }, theFake().name, otherKey, rules).signatures,
          }),
          /sign|key/,
          false,
        ],
        ['no signature', event('unsigned'), (pdu) => ({ ...pdu, signatures: {} }), /sign/, false],
        ['a user of ours', event('as Alice', { sender: alice.userId as UserId }), asIs, /sign/, false],
        ['a user of a third server', event('as Carol', { sender: '@carol:third.example' as UserId }), asIs, /sign|key/, false],
        [
          'another content than was hashed',
          event('original'),
          (pdu) => ({ ...pdu, content: { body: 'changed' } }),
          undefined,
          true,
        ],
        [
          'more prev_events than there may be',
          event('many', {
            prev_events: Array.from({ length: 21 }, (_, index) => `$${String(index).padStart(43, 'p')}` as EventId),
          }),
          asIs,
          /prev_events/,
          false,
        ],
        [
          'more auth_events than there may be',
          event('many', {
            auth_events: Array.from({ length: 11 }, (_, index) => `$${String(index).padStart(43, 'a')}` as EventId),
          }),
          asIs,
          /auth_events/,
          false,
        ],
        ['too large', event('x'.repeat(70_000)), asIs, /65536|bytes/, false],
        ['a type too long', event('long', { type: 'x'.repeat(300) }), asIs, /type/, false],
        ['a depth below zero', event('deep', { depth: -1 }), asIs, /depth/, false],
        ['no content', event('none'), (pdu) => ({ ...pdu, content: 'none' }), /content/, false],
        [
          'power that Mallory lacks',
          event('power', { type: 'm.room.power_levels', state_key: '', content: { users: { [mallory]: 100 } } }),
          asIs,
          undefined,
          false,
        ],
        [
          'a name that Mallory may not give',
          event('name', { type: 'm.room.name', state_key: '', content: { name: 'Mine' } }),
          asIs,
          undefined,
          false,
        ],
        [
          'auth events that nobody has',
          event('unauthorised', { auth_events: [`$${'n'.repeat(43)}` as EventId] }),
          asIs,
          undefined,
          false,
        ],
        [
          'ancestors that never come',
          event('orphan', { prev_events: [`$${'o'.repeat(43)}` as EventId] }),
          asIs,
          undefined,
          false,
        ],
        [
          'a second create event',
          event('create', { type: 'm.room.create', state_key: '', content: { room_version: version } }),
          asIs,
          version === '12' ? /room_id/ : undefined,
          false,
        ],
      ];
      const answers = new Map<string, any>();
      for (const [what, { pdu }, wire] of cases) {
        const { status, body } = await sends({ pdus: [wire(pdu)] });
        assert.equal(status, 200, what);
        answers.set(what, body.pdus);
      }
      const last = event('the last word');
      assert.deepEqual((await sends({ pdus: [null, 7, 'event', [], {}, { room_id: '!nowhere:x' }, last.pdu] })).body, {
        pdus: { [last.eventId]: {} },
      });
      const timeline = await timelineUntil(entered, last.eventId);
      for (const [what, { eventId }, , error, isSeen] of cases) {
        const [result] = Object.values(answers.get(what) as Record<string, { error?: string }>);
        if (error === undefined) assert.deepEqual(result, {}, what);
        // Of what is no event not even the id can be told.
        else if (result !== undefined) assert.match(result.error ?? 'taken', error, what);
        assert.equal(timeline.has(eventId), isSeen, what);
      }
      assert.equal(timeline.get(plain.eventId)?.content.body, 'a plain message');
      const powers: JsonObject = await alice.get(`/rooms/${encodeURIComponent(room)}/state/m.room.power_levels/`);
      assert.equal((powers['users'] as JsonObject | undefined)?.[mallory], undefined);
      await alice.isRefused('GET', `/rooms/${encodeURIComponent(room)}/state/m.room.name/`, {
        status: 404,
        errcode: 'M_NOT_FOUND',
      });
    });
  }

  test('transactions that cannot be are refused whole, and one that comes again gets its first answer', async () => {
    const { event, alice, room } = await enters('10');
    const refused = async (asked: Promise<HttpAnswer>, status: number, errcode: string): Promise<void> => {
      const answer = await asked;
      assert.deepEqual([answer.status, answer.body.errcode], [status, errcode], JSON.stringify(answer.body));
    };
    await refused(sends({ pdus: Array.from({ length: 51 }, () => ({})) }), 400, 'M_BAD_JSON');
    await refused(sends({ edus: Array.from({ length: 101 }, () => ({})) }), 400, 'M_BAD_JSON');
    await refused(sends({ pdus: {} }), 400, 'M_BAD_JSON');
    await refused(sends({ origin: 'third.example' }), 403, 'M_FORBIDDEN');
    const uri = '/_matrix/federation/v1/send/unsigned';
    await refused(
      home().request('PUT', uri, { body: { origin: stranger, origin_server_ts: begin, pdus: [] } }),
      401,
      'M_UNAUTHORIZED',
    );

    const [one, two] = [event('one'), event('two')];
    assert.deepEqual((await sends({ pdus: [one.pdu] }, 'again')).body, { pdus: { [one.eventId]: {} } });
    assert.deepEqual((await sends({ pdus: [two.pdu] }, 'again')).body, { pdus: { [one.eventId]: {} } });

    await alice.put(`/rooms/${encodeURIComponent(room)}/state/m.room.server_acl/`, { allow: ['*'], deny: [stranger] });
    const { body } = await sends({ pdus: [two.pdu] });
    assert.match(body.pdus[two.eventId].error, /not allowed to take part/);
  });

  test('a server in the room hears of what happens there, and speaks for its own users only', async () => {
    const entered = await enters('12');
    const { alice, room, event } = entered;
    const message = await alice.says('hello, stranger', room);
    const typing = (user: string) => ({ edu_type: 'm.typing', content: { room_id: room, user_id: user, typing: true } });
    const last = event('I am typing');
    await sends({
      edus: [typing(alice.userId), typing(`@nobody:${stranger}`), typing(mallory), 7, { edu_type: 'm.none' }],
      pdus: [last.pdu],
    });
    let typists: unknown;
    let isThere = false;
    await alice.syncsUntil((answer) => {
      const { timeline, ephemeral } = answer.rooms?.join?.[room] ?? {};
      isThere ||= timeline?.events.some(({ event_id: id }: any) => id === last.eventId) === true;
      typists = ephemeral?.events.find(({ type }: any) => type === 'm.typing')?.content.user_ids ?? typists;
      return isThere && typists !== undefined;
    });
    assert.deepEqual(typists, [mallory]);
    const heard = (): boolean =>
      received.some(({ pdus }) => pdus.some((pdu: Pdu) => eventIdOf(pdu, entered.rules) === (message as EventId)));
    for (let turn = 0; !heard() && turn < 5000; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(heard());
    assert.ok(received.every(({ origin }) => origin === (hive as ServerName)));
  });
});
