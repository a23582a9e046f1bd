import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { knownRoomVersions, roomVersionRules } from '../room-versions/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { checkPduFormat, maxPduBytes, pduSize } from './index.ts';

function version(id: string): RoomVersionRules {
  const rules = roomVersionRules(id);
  assert.ok(rules);
  return rules;
}

/** A message of Alice's as a stranger's server sends it. */
function message(rules: RoomVersionRules, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const references = rules.referencesCarryHashes ? [['$p:a', { sha256: 'x' }]] : ['$p'];
  return {
    ...(rules.eventIds === 'assigned' && { event_id: '$1:example.org' }),
    room_id: '!kitchen:example.org',
    type: 'm.room.message',
    sender: '@alice:example.org',
    content: { body: 'hello' },
    origin_server_ts: 1,
    depth: 1,
    prev_events: references,
    auth_events: references,
    hashes: { sha256: 'x' },
    signatures: { 'example.org': { 'ed25519:a': 'x' } },
    ...changes,
  };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `$${at}`);

const refusedEverywhere: [change: string, changes: Record<string, unknown>, reason: RegExp][] = [
  ['no type', { type: undefined }, /^type/],
  ['a number as type', { type: 3 }, /^type/],
  ['a type of 256 bytes', { type: 'ä'.repeat(128) }, /^type is longer than 255 bytes/],
  ['a state key of 256 bytes', { state_key: 'x'.repeat(256) }, /^state_key is longer/],
  ['null as state key', { state_key: null }, /^state_key/],
  ['no sender', { sender: undefined }, /^sender/],
  ['a sender without a server', { sender: '@alice' }, /^sender/],
  ['a sender of 256 bytes', { sender: `@${'a'.repeat(243)}:example.org` }, /^sender/],
  ['no room', { room_id: undefined }, /^room_id/],
  ['a room id of 256 bytes', { room_id: `!${'a'.repeat(243)}:example.org` }, /^room_id/],
  ['an alias as room id', { room_id: '#kitchen:example.org' }, /^room_id/],
  ['no content', { content: undefined }, /^content/],
  ['a list as content', { content: [] }, /^content/],
  ['no timestamp', { origin_server_ts: undefined }, /^origin_server_ts/],
  ['a timestamp in quotes', { origin_server_ts: '1' }, /^origin_server_ts/],
  ['half a millisecond', { origin_server_ts: 1.5 }, /^origin_server_ts/],
  ['no depth', { depth: undefined }, /^depth/],
  ['a negative depth', { depth: -1 }, /^depth/],
  ['a depth beyond 2^63', { depth: 2 ** 64 }, /^depth/],
  ['no prev_events', { prev_events: undefined }, /^prev_events/],
  ['an object as auth_events', { auth_events: {} }, /^auth_events/],
  ['numbers as prev_events', { prev_events: [1] }, /^prev_events/],
  ['21 prev_events', { prev_events: many(21) }, /^prev_events has 21 entries, more than 20/],
  ['11 auth_events', { auth_events: many(11) }, /^auth_events has 11 entries, more than 10/],
  ['no hashes', { hashes: undefined }, /^hashes/],
  ['hashes without sha256', { hashes: { md5: 'x' } }, /^hashes/],
  ['no signatures', { signatures: undefined }, /^signatures/],
  ['a server without signatures', { signatures: { a: 'x' } }, /^signatures/],
  ['a number as signature', { signatures: { a: { 'ed25519:a': 1 } } }, /^a signature/],
  ['a text as unsigned', { unsigned: 'x' }, /^unsigned/],
  ['a lone surrogate', { content: { body: '\ud800' } }, /lone surrogate/],
  ['64 kB of text', { content: { body: 'x'.repeat(65_536) } }, /more than 65536/],
];

suite('the format of an event from a stranger', () => {
  for (const rules of knownRoomVersions()) {
    test(`version ${rules.id} accepts a message, and a state event with empty key`, () => {
      assert.equal(checkPduFormat(message(rules), rules).ok, true);
      assert.equal(checkPduFormat(message(rules, { state_key: '', unsigned: { age: 1 }, extra: [null] }), rules).ok, true);
    });

    test(`version ${rules.id} refuses what has not the form, and says why`, () => {
      for (const [change, changes, reason] of refusedEverywhere) {
        const verdict = checkPduFormat(message(rules, changes), rules);
        assert.ok(!verdict.ok, change);
        assert.match(verdict.reason, reason, change);
      }
      for (const value of [null, [], 'x', 3, undefined]) assert.equal(checkPduFormat(value, rules).ok, false);
    });
  }

  test('history may have events from before the limits of references', () => {
    for (const rules of [version('1'), version('6')]) {
      const reference = rules.referencesCarryHashes ? ['$p:a', { sha256: 'x' }] : '$p';
      const old = message(rules, { prev_events: Array(40).fill(reference), auth_events: Array(12).fill(reference) });
      assert.ok(!checkPduFormat(old, rules).ok);
      assert.ok(checkPduFormat(old, rules, { anyNumberOfReferences: true }).ok);
    }
  });

  test('only versions 1 and 2 carry event ids and pairs of id and hashes', () => {
    const [old, later] = [version('2'), version('3')];
    for (const event_id of [
      undefined,
      'x',
      1,
      `$${'a'.repeat(255)}`,
      '$a',
      `$${'a'.repeat(43)}`,
      '$a:not a server',
      `$${'a'.repeat(253)}:b`,
    ])
      assert.ok(!checkPduFormat(message(old, { event_id }), old).ok);
    assert.ok(!checkPduFormat(message(old, { prev_events: ['$p:a'] }), old).ok);
    assert.ok(!checkPduFormat(message(old, { prev_events: [['$p:a']] }), old).ok);
    assert.ok(!checkPduFormat(message(later, { prev_events: [['$p:a', {}]] }), later).ok);
  });

  test('redacts is an id where it says what is redacted, and nothing in particular from version 11 on', () => {
    for (const id of ['1', '10']) assert.ok(!checkPduFormat(message(version(id), { redacts: {} }), version(id)).ok);
    for (const id of ['11', '12']) assert.ok(checkPduFormat(message(version(id), { redacts: {} }), version(id)).ok);
  });

  test('floats and great depths are for versions 1 to 5', () => {
    const [lenient, strict] = [version('5'), version('6')];
    for (const changes of [{ content: { height: 1.5 } }, { depth: 2 ** 63 }, { content: { n: 2 ** 53 } }]) {
      assert.ok(checkPduFormat(message(lenient, changes), lenient).ok);
      assert.ok(!checkPduFormat(message(strict, changes), strict).ok);
    }
  });

  test('the create event has no room id from version 12 on', () => {
    const create = { type: 'm.room.create', state_key: '', prev_events: [], auth_events: [] };
    const [v11, v12] = [version('11'), version('12')];
    assert.ok(checkPduFormat(message(v11, create), v11).ok);
    assert.ok(!checkPduFormat(message(v12, create), v12).ok);
    assert.ok(checkPduFormat(message(v12, { ...create, room_id: undefined }), v12).ok);
    assert.ok(!checkPduFormat(message(v11, { ...create, room_id: undefined }), v11).ok);
  });

  test('exactly 65,536 bytes of canonical JSON are allowed', () => {
    const rules = version('11');
    const empty = pduSize(message(rules, { content: { body: '' } }), rules);
    const body = 'ä'.repeat((maxPduBytes - empty) >> 1) + 'x'.repeat((maxPduBytes - empty) & 1);
    const largest = message(rules, { content: { body } });
    assert.equal(pduSize(largest, rules), maxPduBytes);
    assert.ok(checkPduFormat(largest, rules).ok);
    assert.ok(!checkPduFormat(message(rules, { content: { body: `${body}x` } }), rules).ok);
  });
});
