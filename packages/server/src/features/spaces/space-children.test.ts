import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';

import { childOf, orderedChildren, type ChildEvent } from './space-children.ts';

function child(roomId: string, ts: number, content: JsonObject = {}): ChildEvent {
  const sender = '@alice:hive.example' as UserId;
  return {
    type: 'm.space.child',
    state_key: roomId,
    sender,
    content: { via: ['hive.example'], ...content },
    origin_server_ts: ts,
  };
}

const names = (events: readonly ChildEvent[]): string[] => events.map(({ state_key: roomId }) => roomId.slice(1, -13));

test('children with an order come first, then the older ones, then by room id', () => {
  const events = [
    child('!young:hive.example', 9),
    child('!b-twin:hive.example', 3),
    child('!a-twin:hive.example', 3),
    child('!second:hive.example', 8, { order: 'b' }),
    child('!first:hive.example', 9, { order: 'B' }),
    child('!too-long:hive.example', 1, { order: 'a'.repeat(51) }),
    child('!no-text:hive.example', 2, { order: 7 }),
    child('!not-ascii:hive.example', 4, { order: 'ä' }),
  ];
  const expected = ['first', 'second', 'too-long', 'no-text', 'a-twin', 'b-twin', 'not-ascii', 'young'];
  assert.deepEqual(names(orderedChildren(events, false)), expected);
  assert.deepEqual(names(orderedChildren(events.toReversed(), false)), expected);
});

test('what has no via, or names no room, is no child', () => {
  const events = [
    child('!gone:hive.example', 1, { via: [] }),
    child('!odd:hive.example', 1, { via: 'hive.example' }),
    child('!bad:hive.example', 1, { via: ['not a server'] }),
    child('@alice:hive.example', 1),
    child('!there:hive.example', 1, { via: ['not a server', 'hive.example'] }),
  ];
  const [only, ...rest] = orderedChildren(events, false);
  assert.ok(only && rest.length === 0);
  assert.deepEqual(childOf(only), { roomId: '!there:hive.example', via: ['hive.example'] });
});

test('of suggested children only those remain that say so', () => {
  const events = [
    child('!yes:hive.example', 1, { suggested: true }),
    child('!no:hive.example', 1, { suggested: false }),
    child('!odd:hive.example', 1, { suggested: 'true' }),
    child('!none:hive.example', 1),
  ];
  assert.deepEqual(names(orderedChildren(events, true)), ['yes']);
});
