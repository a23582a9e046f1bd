import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RecentItems } from './index.ts';

test('what is remembered is bounded, and says where it ends', () => {
  const recent = new RecentItems(5, { perKey: 2, all: 3 });
  const add = (room: number, position: number) => recent.add(room, { position });
  const between = (room: number, since: number, upTo: number) =>
    recent.between(room, since, upTo)?.map(({ position }) => position);
  assert.equal(between(1, 4, 9), undefined);
  assert.deepEqual(between(1, 5, 9), []);
  add(1, 7);
  add(1, 6);
  assert.deepEqual(between(1, 5, 7), [6, 7]);
  assert.deepEqual(between(1, 5, 6), [6]);
  add(1, 8);
  assert.equal(between(1, 5, 8), undefined);
  assert.deepEqual(between(1, 6, 8), [7, 8]);
  add(2, 9);
  add(3, 10);
  assert.equal(between(1, 7, 10), undefined);
  assert.deepEqual(between(1, 8, 10), []);
  assert.deepEqual(between(2, 8, 10), [9]);
});
