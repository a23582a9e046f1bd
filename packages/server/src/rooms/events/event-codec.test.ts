import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeLenientCanonicalJson, parseExactJson, parseJson, setOwn } from '@myelin/protocol/canonical-json';
import type { Json, JsonObject, Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { knownRoomVersions, type RoomVersionRules, roomVersionRules } from '@myelin/protocol/room-versions';

import { createSeededRandom, type Random } from '../../platform/random.ts';
import { decodeEventId, decodePdu, encodeEventId, encodePdu, referencesOf, referredNids } from './event-codec.ts';

const roomId = '!kitchen:example.org' as RoomId;
const alice = '@alice:example.org' as UserId;
const oddTexts = ['', 'ü', '\u{1f600}', '\0', '\ud800', '__proto__', 'constructor', 'toJSON', '7', '"\\', 'ed25519:', '='];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(0, items.length)]!;
const chance = (random: Random, percent: number): boolean => random.integer(0, 100) < percent;
const base64 = (random: Random, bytes: number): string => Buffer.from(random.bytes(bytes)).toString('base64').replace(/=+$/, '');

function anyJson(random: Random, depth: number): Json {
  switch (random.integer(0, depth > 0 ? 7 : 5)) {
    case 0:
      return pick(random, oddTexts);
    case 1:
      return pick(random, [0, -1, 2 ** 53 - 1, 1.5, -0.25, 1e300]);
    case 2:
      return chance(random, 50);
    case 3:
      return null;
    case 4:
      return random.token(5);
    case 5:
      return Array.from({ length: random.integer(0, 4) }, () => anyJson(random, depth - 1));
    default:
      return anyObject(random, depth);
  }
}

function anyObject(random: Random, depth = 3): JsonObject {
  const object: JsonObject = {};
  for (let left = random.integer(0, 5); left > 0; left--) {
    setOwn(object, chance(random, 40) ? pick(random, oddTexts) : random.token(3), anyJson(random, depth - 1));
  }
  return object;
}

function anyEventId(random: Random, rules: RoomVersionRules): EventId {
  const hash = Buffer.from(random.bytes(32));
  if (chance(random, 10))
    return pick(random, ['$', '', `$${'x'.repeat(31)}`, '$a:b', '$\ud800', '$ü', `$${hash.toString('hex')}`]) as EventId;
  // A stranger may spell a hash in the alphabet of another room version, or with bits that mean nothing.
  if (chance(random, 5)) return `$${base64(random, 32).slice(0, -1)}/` as EventId;
  if (chance(random, 5)) return `$${hash.toString(pick(random, ['base64', 'base64url']))}` as EventId;
  if (rules.eventIds === 'assigned') return `$${random.token(18)}:example.org` as EventId;
  return `$${rules.eventIds === 'base64' ? base64(random, 32) : hash.toString('base64url')}` as EventId;
}

function anyReferences(random: Random, rules: RoomVersionRules): unknown {
  if (chance(random, 3)) return anyJson(random, 2);
  return Array.from({ length: random.integer(0, 6) }, () => {
    const id = anyEventId(random, rules);
    if (rules.referencesCarryHashes !== chance(random, 2)) {
      return [id, chance(random, 5) ? anyObject(random) : { sha256: base64(random, chance(random, 5) ? 31 : 32) }];
    }
    return id;
  });
}

function anySignatures(random: Random): unknown {
  if (chance(random, 3)) return anyJson(random, 2);
  const signatures: Record<string, unknown> = {};
  for (let left = random.integer(0, 3); left > 0; left--) {
    const keys: JsonObject = {};
    for (let count = random.integer(0, 3); count > 0; count--) {
      const key = chance(random, 5) ? pick(random, oddTexts) : `${chance(random, 90) ? 'ed25519' : 'curve9'}:${random.token(4)}`;
      setOwn(keys, key, chance(random, 5) ? anyJson(random, 2) : base64(random, 64) + (chance(random, 3) ? '==' : ''));
    }
    setOwn(
      signatures,
      chance(random, 5) ? pick(random, oddTexts) : pick(random, ['example.org', 'b.example:8448', '[::1]']),
      keys,
    );
  }
  return signatures;
}

/** Any PDU that a server may have to pass on exactly as it came, and most that it never should see. */
function anyPdu(random: Random, rules: RoomVersionRules): Pdu {
  const pdu: Record<string, unknown> = {
    type: chance(random, 10) ? pick(random, oddTexts) : 'm.room.message',
    sender: alice,
    content: anyObject(random),
    origin_server_ts: chance(random, 5) ? pick(random, [1.5, -1, 1e300]) : 1_700_000_000_000,
    depth: chance(random, 5) ? pick(random, [0.5, 2 ** 63, -3]) : random.integer(0, 2 ** 40),
    prev_events: anyReferences(random, rules),
    auth_events: anyReferences(random, rules),
    hashes: chance(random, 10) ? anyJson(random, 2) : { sha256: base64(random, 32), ...(chance(random, 5) ? { md5: 'x' } : {}) },
    signatures: anySignatures(random),
  };
  if (chance(random, 40)) pdu['state_key'] = chance(random, 20) ? pick(random, oddTexts) : alice;
  if (chance(random, 95)) pdu['room_id'] = roomId;
  if (chance(random, 20)) pdu['redacts'] = chance(random, 10) ? anyJson(random, 2) : anyEventId(random, rules);
  if (chance(random, 20)) pdu['origin'] = pick(random, ['example.org', 'b.example', 7]);
  if (rules.eventIds === 'assigned' || chance(random, 5)) pdu['event_id'] = `$${random.token(18)}:example.org`;
  for (let left = chance(random, 20) ? 3 : 0; left > 0; left--) setOwn(pdu, pick(random, oddTexts), anyJson(random, 2));
  if (chance(random, 3)) delete pdu[pick(random, ['prev_events', 'auth_events', 'hashes', 'signatures'])];
  return pdu as Pdu;
}

/** Stores and loads, with a text column's losses and numbers that do not fit left to the envelope. */
function throughTheDatabase(pdu: Pdu, rules: RoomVersionRules, numbers: ReadonlyMap<EventId, number>): Pdu {
  const { contentJson, envelope } = encodePdu(pdu, rules, (id) => numbers.get(id));
  const ids = new Map(Array.from(numbers, ([id, number]) => [number, decodeEventId(encodeEventId(id), rules)]));
  for (const number of referredNids(envelope)) assert(ids.has(number));
  const asText = (text: string): string => text.toWellFormed().replaceAll('\0', '');
  return decodePdu(
    {
      eventId: pdu.event_id ?? ('$unused' as EventId),
      roomId,
      type: asText(pdu.type),
      sender: pdu.sender,
      stateKey: pdu.state_key === undefined ? undefined : asText(pdu.state_key),
      depth: Number.isSafeInteger(pdu.depth) ? pdu.depth : 0,
      originServerTs: Number.isSafeInteger(pdu.origin_server_ts) ? pdu.origin_server_ts : 0,
      contentJson: Buffer.from(contentJson).toString(),
      envelope,
    },
    rules,
    (number) => ids.get(number),
  );
}

for (const rules of knownRoomVersions()) {
  test(`any event of room version ${rules.id} comes back exactly`, () => {
    const random = createSeededRandom(Number(rules.id));
    for (let round = 0; round < 300; round++) {
      const pdu = anyPdu(random, rules);
      const numbers = new Map<EventId, number>();
      for (const reference of [pdu.prev_events, pdu.auth_events, pdu.redacts].flat(2)) {
        if (typeof reference === 'string' && reference.isWellFormed() && chance(random, 60)) {
          // Numbers are handed out by what the database holds, which is bytes.
          numbers.set(reference, random.integer(-100_000, 2 ** 40));
        }
      }
      const decoded = throughTheDatabase(pdu, rules, numbers);
      // Floats of the old room versions come back as their text; a second JSON makes numbers of them.
      const values: unknown = rules.strictCanonicalJson ? decoded : parseJson(JSON.stringify(decoded));
      assert.deepEqual(values, rules.strictCanonicalJson ? pdu : parseJson(JSON.stringify(pdu)));
      // Canonical JSON refuses lone surrogates, so the bytes that are signed are compared where there are any.
      if (!/\\ud[89a-f]/.test(JSON.stringify(pdu))) {
        assert.equal(encodeLenientCanonicalJson(decoded as Json), encodeLenientCanonicalJson(pdu as Json));
      }
    }
  });
}

test('numbers of the oldest room versions come back as they were spelt, wherever they stand', () => {
  const rules = roomVersionRules('5')!;
  const text = JSON.stringify({ ...plainMessage(), content: 0, depth: 1, odd: 2 })
    .replace('"content":0', '"content":{"width":640.0}')
    .replace('"depth":1', '"depth":4611686018427387905')
    .replace('"odd":2', '"odd":[1e-07,9007199254740993]');
  const pdu = parseExactJson(text) as unknown as Pdu;
  const decoded = throughTheDatabase(pdu, rules, new Map());
  assert.equal(encodeLenientCanonicalJson(decoded as Json), encodeLenientCanonicalJson(parseExactJson(text)));
});

const v12 = roomVersionRules('12')!;
const v1 = roomVersionRules('1')!;
const hashId = (byte: number): EventId => `$${Buffer.alloc(32, byte).toString('base64url')}` as EventId;

function plainMessage(): Pdu {
  return {
    type: 'm.room.message',
    room_id: roomId,
    sender: alice,
    content: { msgtype: 'm.text', body: 'Is there any cake left?' },
    origin_server_ts: 1_700_000_000_000,
    depth: 812,
    prev_events: [hashId(1)],
    auth_events: [hashId(2), hashId(3), hashId(4)],
    hashes: { sha256: Buffer.alloc(32, 9).toString('base64').slice(0, 43) },
    signatures: { 'example.org': { 'ed25519:a_Kmtd': Buffer.alloc(64, 8).toString('base64').slice(0, 86) } },
  };
}

test('what an ordinary message has beside its columns and content fits in 130 bytes', () => {
  const numbers = new Map([hashId(1), hashId(2), hashId(3), hashId(4)].map((id, index) => [id, 5_000_000 + index]));
  const { envelope } = encodePdu(plainMessage(), v12, (id) => numbers.get(id));
  assert(envelope.length <= 130, `${envelope.length} bytes`);
  assert.deepEqual(referredNids(envelope), [5_000_000, 5_000_001, 5_000_002, 5_000_003]);
});

test('what an event names can be read without decoding it, known by number or not', () => {
  const { envelope } = encodePdu({ ...plainMessage(), redacts: hashId(5) }, v12, (id) => (id === hashId(1) ? 7 : undefined));
  assert.deepEqual(referencesOf(envelope, v12), { prev: [7], auth: [hashId(2), hashId(3), hashId(4)], redacts: hashId(5) });
});

test('unsigned is not kept', () => {
  const pdu = { ...plainMessage(), unsigned: { age: 5 } };
  assert.deepEqual(throughTheDatabase(pdu, v12, new Map()), plainMessage());
});

test('an event that is gone from the database is an error, not a hole', () => {
  const encoded = encodePdu(plainMessage(), v12, () => 7);
  const stored = {
    ...encoded,
    eventId: hashId(0),
    roomId,
    type: 'm.room.message',
    sender: alice,
    stateKey: undefined,
    depth: 1,
    originServerTs: 1,
  };
  assert.throws(() => decodePdu(stored, v12, () => undefined), /event number 7/);
});

test('event ids of all kinds survive as bytes, and hashes take 32', () => {
  assert.equal(encodeEventId(hashId(250)).length, 32);
  assert.equal(decodeEventId(encodeEventId(hashId(250)), v12), hashId(250));
  const v3Id = `$${Buffer.alloc(32, 250).toString('base64').slice(0, 43)}` as EventId;
  assert.equal(decodeEventId(encodeEventId(v3Id), roomVersionRules('3')!), v3Id);
  for (const text of ['$a:b', `$${'x'.repeat(31)}`, `$${'x'.repeat(30)}\0`, `$${'x'.repeat(43)}`, '$ümlaut:é', '']) {
    assert.equal(decodeEventId(encodeEventId(text as EventId), v1), text);
  }
});
