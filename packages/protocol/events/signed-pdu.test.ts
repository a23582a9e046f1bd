import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { encodeCanonicalJson, encodeLenientCanonicalJson, parseExactJson } from '../canonical-json/index.ts';
import { randomJsonObject } from '../fixtures/random-json.ts';
import { seededRandom } from '../fixtures/seeded-random.ts';
import { isEventId, isRoomId } from '../identifiers/index.ts';
import type { EventId, RoomId, ServerName, UserId } from '../identifiers/index.ts';
import { knownRoomVersions, roomVersionRules } from '../room-versions/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { generateSigningKey } from '../signatures/index.ts';
import type { NewEvent, Pdu, UnsignedPdu } from './index.ts';
import {
  buildPdu,
  checkPduFormat,
  contentHash,
  createEventIdOf,
  depthAfter,
  eventIdOf,
  hashAndSignPdu,
  redactPdu,
  referenceHash,
  roomEventFromPdu,
  roomIdOfCreate,
  signPdu,
  verifyContentHash,
  verifyPdu,
} from './index.ts';

function version(id: string): RoomVersionRules {
  const rules = roomVersionRules(id);
  assert.ok(rules);
  return rules;
}

const key = generateSigningKey(Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64'), '1');
const domain = 'domain' as ServerName;
const alice = '@alice:domain' as UserId;
const kitchen = '!kitchen:domain' as RoomId;

suite("the specification's event signing vectors", () => {
  // https://spec.matrix.org/v1.19/appendices/#event-signing; they keep `origin`, so they are of versions 1 to 10.
  const minimal = JSON.parse(
    '{"room_id":"!x:domain","sender":"@a:domain","origin":"domain","origin_server_ts":1000000,"signatures":{},"hashes":{},"type":"X","content":{},"prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}}',
  ) as UnsignedPdu;
  const redactable = JSON.parse(
    '{"content":{"body":"Here is the message content"},"event_id":"$0:domain","origin":"domain","origin_server_ts":1000000,"type":"m.room.message","room_id":"!r:domain","sender":"@u:domain","signatures":{},"unsigned":{"age_ts":1000000}}',
  ) as UnsignedPdu;

  test('a minimal event', () => {
    const signed = hashAndSignPdu(minimal, domain, key, version('1'));
    assert.equal(signed.hashes.sha256, '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos');
    assert.deepEqual(signed.signatures, {
      domain: { 'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg' },
    });
    assert.deepEqual(signed.unsigned, { age_ts: 1000000 });
  });

  test('an event with content that a redaction removes', () => {
    const signed = hashAndSignPdu(redactable, domain, key, version('1'));
    assert.equal(signed.hashes.sha256, 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g');
    assert.deepEqual(signed.signatures, {
      domain: { 'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA' },
    });
  });
});

function newEvent(overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    type: 'm.room.message',
    sender: alice,
    roomId: kitchen,
    content: { msgtype: 'm.text', body: 'The soup is ready' },
    prevEvents: [{ eventId: '$prev:domain' as EventId, sha256: 'cHJldg' }],
    authEvents: [{ eventId: '$create:domain' as EventId, sha256: 'Y3JlYXRl' }],
    depth: 7,
    originServerTs: 1_700_000_000_000,
    eventId: '$soup:domain' as EventId,
    ...overrides,
  };
}

function signed(rules: RoomVersionRules, overrides: Partial<NewEvent> = {}): Pdu {
  return hashAndSignPdu(buildPdu(newEvent(overrides), rules), domain, key, rules);
}

suite('events of every room version', () => {
  for (const rules of knownRoomVersions()) {
    test(`version ${rules.id}: what Alice's server builds and signs, Bob's accepts, whole or redacted`, () => {
      const sent = signed(rules);
      const received = JSON.parse(JSON.stringify(sent)) as unknown;
      const verdict = checkPduFormat(received, rules);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
      assert.ok(verifyContentHash(verdict.pdu, rules));
      assert.ok(verifyPdu(verdict.pdu, domain, 'ed25519:1', key.publicKey, rules));
      const redacted = redactPdu(verdict.pdu, rules);
      assert.ok(verifyPdu(redacted, domain, 'ed25519:1', key.publicKey, rules));
      assert.ok(!verifyContentHash(redacted, rules));
      assert.equal(eventIdOf(redacted, rules), eventIdOf(sent, rules));
      assert.equal(referenceHash(redacted, rules), referenceHash(sent, rules));
    });

    test(`version ${rules.id}: an event id is of its version's kind`, () => {
      const id = eventIdOf(signed(rules), rules);
      assert.ok(isEventId(id));
      const number = Number(rules.id);
      if (number <= 2) assert.equal(id, '$soup:domain');
      else assert.match(id, number === 3 ? /^\$[A-Za-z0-9+/]{43}$/ : /^\$[A-Za-z0-9_-]{43}$/);
    });

    test(`version ${rules.id}: a change to anything that matters breaks hash or signature`, () => {
      const sent = signed(rules);
      const louder = { ...sent, content: { ...sent.content, body: 'The soup is cold' } };
      assert.ok(!verifyContentHash(louder, rules));
      assert.ok(verifyPdu(louder, domain, 'ed25519:1', key.publicKey, rules), 'redactable content is covered by the hash only');
      assert.ok(!verifyPdu({ ...sent, sender: '@mallory:domain' as UserId }, domain, 'ed25519:1', key.publicKey, rules));
      assert.ok(
        !verifyPdu({ ...sent, hashes: { sha256: contentHash(louder, rules) } }, domain, 'ed25519:1', key.publicKey, rules),
      );
      assert.ok(verifyContentHash({ ...sent, unsigned: { age: 5 }, hashes: { sha256: `${sent.hashes.sha256}=` } }, rules));
      assert.ok(!verifyContentHash({ ...sent, hashes: {} } as unknown as Pdu, rules));
    });

    test(`version ${rules.id}: the rules see one shape`, () => {
      const pdu = signed(rules, { type: 'm.room.topic', stateKey: '', content: { topic: 'Soup' } });
      const id = eventIdOf(pdu, rules);
      assert.deepEqual(roomEventFromPdu(pdu, rules, id), {
        eventId: id,
        roomId: kitchen,
        type: 'm.room.topic',
        sender: alice,
        stateKey: '',
        content: { topic: 'Soup' },
        originServerTs: 1_700_000_000_000,
        depth: 7,
        prevEvents: ['$prev:domain'],
        authEvents: ['$create:domain'],
        redacts: undefined,
      });
      assert.equal(roomEventFromPdu(signed(rules), rules, id).stateKey, undefined);
    });

    test(`version ${rules.id}: a redaction names its event where the version wants it`, () => {
      const redacts = '$soup:domain' as EventId;
      const pdu = signed(rules, { type: 'm.room.redaction', content: { reason: 'spilt' }, redacts });
      const inContent = Number(rules.id) >= 11;
      assert.deepEqual(pdu.content, inContent ? { reason: 'spilt', redacts } : { reason: 'spilt' });
      assert.equal(pdu.redacts, inContent ? undefined : redacts);
      assert.equal(roomEventFromPdu(pdu, rules, '$x' as EventId).redacts, redacts);
      assert.equal(roomEventFromPdu({ ...pdu, type: 'm.room.message' }, rules, '$x' as EventId).redacts, undefined);
    });
  }

  test('a second server adds its signature and leaves the first', () => {
    const rules = version('10');
    const bobs = generateSigningKey(Buffer.alloc(32, 9), 'b');
    const both = signPdu(signed(rules), 'bob.example' as ServerName, bobs, rules);
    assert.ok(verifyPdu(both, domain, 'ed25519:1', key.publicKey, rules));
    assert.ok(verifyPdu(both, 'bob.example' as ServerName, 'ed25519:b', bobs.publicKey, rules));
  });

  test('from version 12 a room is called by the hash of its create event', () => {
    const rules = version('12');
    const pdu = signed(rules, {
      type: 'm.room.create',
      stateKey: '',
      roomId: undefined,
      content: { room_version: '12' },
      prevEvents: [],
      authEvents: [],
    });
    assert.ok(!('room_id' in pdu));
    const id = eventIdOf(pdu, rules);
    const room = roomIdOfCreate(id);
    assert.ok(isRoomId(room));
    assert.equal(room, `!${id.slice(1)}`);
    assert.equal(createEventIdOf(room), id);
    assert.equal(roomEventFromPdu(pdu, rules, id).roomId, room);
    assert.throws(() => buildPdu(newEvent({ roomId: undefined }), rules), TypeError);
  });

  test('versions 1 and 2 need ids and hashes from their server', () => {
    assert.throws(() => buildPdu(newEvent({ eventId: undefined }), version('1')), /assigns event ids/);
    assert.throws(
      () => buildPdu(newEvent({ prevEvents: [{ eventId: '$a:b' as EventId }] }), version('2')),
      /needs the reference hash/,
    );
    assert.deepEqual(buildPdu(newEvent(), version('2')).prev_events, [['$prev:domain', { sha256: 'cHJldg' }]]);
    assert.ok(!('event_id' in buildPdu(newEvent(), version('3'))));
  });

  test('depth grows by one and stops at 2^53 − 1', () => {
    assert.equal(depthAfter([]), 1);
    assert.equal(depthAfter([3, 9, 4]), 10);
    assert.equal(depthAfter([Number.MAX_SAFE_INTEGER]), Number.MAX_SAFE_INTEGER);
    assert.equal(depthAfter([2 ** 63]), Number.MAX_SAFE_INTEGER);
  });

  test('a picture 640.0 pixels wide, in an old room, keeps its hash', () => {
    const rules = version('5');
    const sent = JSON.stringify({ ...buildPdu(newEvent(), rules), content: { info: { w: 'WIDTH' } } }).replace(
      '"WIDTH"',
      '640.0',
    );
    const signedBySynapse = hashAndSignPdu(parseExactJson(sent) as unknown as UnsignedPdu, domain, key, rules);
    const received = encodeLenientCanonicalJson(signedBySynapse);
    assert.match(received, /"w":640\.0/);
    assert.ok(verifyContentHash(parseExactJson(received) as unknown as Pdu, rules));
    assert.ok(!verifyContentHash(JSON.parse(received) as Pdu, rules));
    assert.ok(checkPduFormat(JSON.parse(received), rules).ok);
  });

  test('whatever the content, hash and signature survive the journey and any order of keys', () => {
    const rules = version('11');
    for (let seed = 1; seed <= 40; seed++) {
      const pdu = signed(rules, { content: randomJsonObject(seededRandom(seed)) });
      const received = JSON.parse(encodeCanonicalJson(pdu)) as Pdu;
      assert.ok(verifyContentHash(received, rules), `seed ${seed}`);
      assert.ok(verifyPdu(received, domain, 'ed25519:1', key.publicKey, rules), `seed ${seed}`);
      assert.equal(eventIdOf(received, rules), eventIdOf(pdu, rules));
    }
  });
});
