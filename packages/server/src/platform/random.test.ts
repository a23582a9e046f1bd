import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createSeededRandom, systemRandom } from './random.ts';

test('tokens have their length and their letters, and do not repeat', () => {
  const tokens = new Set(Array.from({ length: 200 }, () => systemRandom.token(43)));
  assert.equal(tokens.size, 200);
  for (const token of tokens) assert.match(token, /^[A-Za-z0-9]{43}$/);
  assert.equal(systemRandom.token(0), '');
  assert.equal(systemRandom.bytes(16).length, 16);
});

test('every letter and every number has its turn', () => {
  assert.equal(new Set(systemRandom.token(20_000)).size, 62);
  const drawn = new Set(Array.from({ length: 500 }, () => systemRandom.integer(3, 6)));
  assert.deepEqual(
    [...drawn].sort((a, b) => a - b),
    [3, 4, 5],
  );
});

test('seeded chance repeats itself', () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed);
    return [random.token(10), random.integer(0, 1000), [...random.bytes(4)]];
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
});
