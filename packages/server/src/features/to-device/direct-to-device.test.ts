import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeCanonicalJson } from '@myelin/protocol/canonical-json';
import type { UserId } from '@myelin/protocol/identifiers';

import { directToDevice, mostEduBytes, type Addressed } from './direct-to-device.ts';

const alice = { sender: '@alice:hive.example' as UserId, type: 'm.room.encrypted' };
let ids = 0;
const newId = (): string => `id${String(++ids).padStart(8, '0')}`;
const user = (name: string): UserId => `@${name}:nest.example` as UserId;
const eduBytes = (content: string): number =>
  Buffer.byteLength(encodeCanonicalJson({ edu_type: 'm.direct_to_device', content: JSON.parse(content) }));

function addressedIn(contents: readonly string[]): Addressed[] {
  return contents.flatMap((content) => {
    const { messages } = JSON.parse(content) as { messages: Record<UserId, Record<string, object>> };
    return Object.entries(messages).flatMap(([userId, devices]) =>
      Object.entries(devices).map(([deviceId, one]) => ({ userId: userId as UserId, deviceId, content: JSON.stringify(one) })),
    );
  });
}

test('few messages share one EDU', () => {
  const addressed = ['D1', 'D2', '*'].flatMap((deviceId) => ({ userId: user('bob'), deviceId, content: '{"n":1}' }));
  const contents = directToDevice(alice, [...addressed, { userId: user('carol'), deviceId: 'D1', content: '{}' }], newId);
  assert.equal(contents.length, 1);
  assert.deepEqual(JSON.parse(contents[0] ?? ''), {
    ...alice,
    message_id: JSON.parse(contents[0] ?? '').message_id,
    messages: {
      [user('bob')]: { D1: { n: 1 }, D2: { n: 1 }, '*': { n: 1 } },
      [user('carol')]: { D1: {} },
    },
  });
});

test('many are split into EDUs that are as full as they may be, each with an id of its own', () => {
  const addressed = Array.from({ length: 900 }, (_, n) => ({
    userId: user(`user${Math.floor(n / 7)}ü`),
    deviceId: `DÉVICE"${n}`,
    content: JSON.stringify({ text: 'ä'.repeat(n % 300) }),
  }));
  const contents = directToDevice(alice, addressed, newId);
  assert.deepEqual(addressedIn(contents), addressed);
  assert.equal(new Set(contents.map((content) => JSON.parse(content).message_id)).size, contents.length);
  for (const [index, content] of contents.entries()) {
    assert.ok(eduBytes(content) <= mostEduBytes);
    if (index < contents.length - 1) assert.ok(eduBytes(content) > mostEduBytes - 1000);
  }
});

test('a message that fills an EDU is sent, a larger one is refused', () => {
  const of = (length: number) => [{ userId: user('bob'), deviceId: 'D1', content: JSON.stringify({ text: 'x'.repeat(length) }) }];
  let length = mostEduBytes - 300;
  while (eduBytes(directToDevice(alice, of(length), newId)[0] ?? '') < mostEduBytes - 2) length += 1;
  assert.throws(() => directToDevice(alice, of(length + 1), newId), { errcode: 'M_TOO_LARGE' });
});

test('device ids that are names of the language are device ids', () => {
  const addressed = ['__proto__', 'constructor'].map((deviceId) => ({ userId: user('bob'), deviceId, content: '{"n":1}' }));
  assert.deepEqual(addressedIn(directToDevice(alice, addressed, newId)), addressed);
});
