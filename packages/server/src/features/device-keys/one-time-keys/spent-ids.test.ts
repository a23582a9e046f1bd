import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keyIdOf } from '../key-ring.fixture.ts';
import { addSpentIds, isSpent, numberedId, type SpentRange } from './spent-ids.ts';

test('ids that clients count are numbers; others stand for themselves', () => {
  assert.deepEqual(numberedId('AAAAAAAAAAA'), { family: '#8', number: 0 });
  assert.deepEqual(numberedId(keyIdOf(5_000)), { family: '#8', number: 5_000 });
  assert.deepEqual(numberedId('AAAAHg'), { family: '#4', number: 30 });
  // The last digit of these has bits that are no part of the number, or the number is too large to be exact.
  for (const id of ['AAAAAAAAAAB', 'AAAAHh', '//////////8', 'hello', '', 'AAAAAAAAAAA=']) {
    assert.deepEqual(numberedId(id), { family: `=${id}`, number: 0 });
  }
});

test('ten thousand keys of a client that counts are one range, in whatever order they are spent', () => {
  let ranges: readonly SpentRange[] = [];
  const ids = Array.from({ length: 10_000 }, (_, at) => numberedId(keyIdOf((at * 7) % 10_000)));
  for (let start = 0; start < ids.length; start += 100) {
    const { gone, fresh } = addSpentIds(ranges, ids.slice(start, start + 100));
    ranges = [...ranges.filter((range) => !gone.includes(range)), ...fresh];
  }
  assert.deepEqual(ranges, [{ family: '#8', first: 0, last: 9_999 }]);
  assert.ok(isSpent(numberedId(keyIdOf(9_999)), ranges));
  assert.ok(!isSpent(numberedId(keyIdOf(10_000)), ranges));
  assert.ok(!isSpent(numberedId('AAAAAA'), ranges), 'another way to count');
});

test('what is spent already changes nothing', () => {
  const ranges = [
    { family: '#8', first: 3, last: 5 },
    { family: '=hello', first: 0, last: 0 },
  ];
  assert.deepEqual(addSpentIds(ranges, [numberedId(keyIdOf(4)), numberedId('hello')]), { gone: [], fresh: [] });
});
