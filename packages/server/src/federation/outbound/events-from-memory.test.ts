import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StoredEvent } from '../../rooms/index.ts';
import { eventsFromMemory } from './events-from-memory.ts';

const memory = new Map<number, Partial<StoredEvent>>([
  [11, { nid: 11, position: 11, verdict: 'accepted' }],
  [12, { nid: 12, position: undefined, verdict: 'accepted' }],
  [13, { nid: 13, position: 13, verdict: 'soft-failed' }],
  [14, { nid: 14, position: -3, verdict: 'accepted' }],
  [15, { nid: 15, position: 15, verdict: 'accepted' }],
  [17, { nid: 17, position: 17, verdict: 'accepted' }],
]);
const stored = { cached: (nid: number) => memory.get(nid) as StoredEvent | undefined };
const nidsFrom = (after: number, upTo: number): unknown => {
  const { events, upTo: end } = eventsFromMemory(stored, after, upTo);
  return [events.map(({ nid }) => nid), end];
};

test('only what happens now, and was let in, is told; it ends where memory has a hole', () => {
  assert.deepEqual(nidsFrom(10, 15), [[11, 15], 15]);
  assert.deepEqual(nidsFrom(10, 17), [[11, 15], 15], '17 may not be told before 16 is known');
  assert.deepEqual(nidsFrom(15, 17), [[], 15]);
  assert.deepEqual(nidsFrom(16, 17), [[17], 17]);
});
