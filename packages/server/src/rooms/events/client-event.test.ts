import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';

import { clientEventJson, finishClientEvent } from './client-event.ts';

const message = {
  eventId: '$cake' as EventId,
  type: 'm.room.message',
  sender: '@alice:example.org' as UserId,
  stateKey: undefined,
  originServerTs: 1_700_000_000_000,
  contentJson: '{"body":"cake?","msgtype":"m.text"}',
};
const kitchen = '!kitchen:example.org' as RoomId;
const asClient = {
  content: { body: 'cake?', msgtype: 'm.text' },
  event_id: '$cake',
  origin_server_ts: 1_700_000_000_000,
  sender: '@alice:example.org',
  type: 'm.room.message',
};

test('Alice and Bob share one prefix of a message and each get their own unsigned', () => {
  const prefix = clientEventJson(message);
  const forAlice = finishClientEvent(prefix, { unsignedJson: '{"transaction_id":"t1"}' });
  assert.deepEqual(JSON.parse(forAlice), { ...asClient, unsigned: { transaction_id: 't1' } });
  assert.deepEqual(JSON.parse(finishClientEvent(prefix)), asClient);
});

test('the room stands in the event where the answer does not say it already', () => {
  assert.deepEqual(JSON.parse(finishClientEvent(clientEventJson({ ...message, roomId: kitchen }))), {
    ...asClient,
    room_id: kitchen,
  });
  assert.deepEqual(JSON.parse(finishClientEvent(clientEventJson(message), { roomId: kitchen })), {
    ...asClient,
    room_id: kitchen,
  });
});

test('a state event has its state key, an empty one too', () => {
  const topic = JSON.parse(finishClientEvent(clientEventJson({ ...message, type: 'm.room.topic', stateKey: '' }))) as object;
  assert.deepEqual(topic, { ...asClient, type: 'm.room.topic', state_key: '' });
});

test('names with quotes and lone surrogates stay one valid JSON text', () => {
  const odd = { ...message, type: 'a"\\\ud800', stateKey: '"},{' };
  const event = JSON.parse(finishClientEvent(clientEventJson(odd))) as { type: string; state_key: string };
  assert.equal(event.type, odd.type);
  assert.equal(event.state_key, odd.stateKey);
});

for (const [version, contentJson] of [
  ['an old room', '{"reason":"crumbs"}'],
  ['a new room', '{"reason":"crumbs","redacts":"$cake"}'],
  ['an old room whose sender put something else there', '{"redacts":"$other","reason":"crumbs"}'],
] as const) {
  test(`a redaction in ${version} says what it redacts to old clients and new ones`, () => {
    const redaction = { ...message, type: 'm.room.redaction', contentJson, redacts: '$cake' as EventId };
    const event = JSON.parse(finishClientEvent(clientEventJson(redaction))) as object;
    assert.deepEqual(event, {
      ...asClient,
      type: 'm.room.redaction',
      redacts: '$cake',
      content: { reason: 'crumbs', redacts: '$cake' },
    });
  });
}
