import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ByteCache, CacheBudget } from './byte-cache.ts';

function cacheOf(budget: CacheBudget, limitBytes?: number): ByteCache<string, number> {
  // The value is its own cost; each entry is 100 bytes more.
  return new ByteCache({ budget, cost: (value) => value, ...(limitBytes === undefined ? {} : { limitBytes }) });
}

test('what was used longest ago goes first', () => {
  const cache = cacheOf(new CacheBudget(700));
  for (const name of ['alice', 'bob', 'carol']) cache.set(name, 100);
  assert.equal(cache.get('alice'), 100);
  assert.equal(cache.peek('bob'), 100);
  cache.set('dave', 100);
  assert.deepEqual(
    ['alice', 'bob', 'carol', 'dave'].filter((name) => cache.has(name)),
    ['alice', 'carol', 'dave'],
  );
  assert.equal(cache.bytes, 600);
});

test('caches share one budget, and the largest gives way', () => {
  const budget = new CacheBudget(1000);
  const [small, large] = [cacheOf(budget), cacheOf(budget)];
  small.set('only', 100);
  for (let index = 0; index < 4; index++) large.set(`entry ${index}`, 100);
  assert.equal(budget.usedBytes, 1000);
  large.set('one more', 200);
  assert.equal(small.size, 1);
  assert.equal(large.has('entry 0'), false);
  assert.ok(budget.usedBytes <= 1000);
});

test('replacing, deleting and clearing give the bytes back', () => {
  const budget = new CacheBudget(10_000);
  const cache = cacheOf(budget);
  cache.set('alice', 500);
  cache.set('alice', 50);
  assert.equal(budget.usedBytes, 150);
  assert.equal(cache.delete('alice'), true);
  assert.equal(cache.delete('alice'), false);
  cache.set('bob', 1);
  cache.clear();
  assert.deepEqual([budget.usedBytes, cache.size], [0, 0]);
});

test('an entry that is larger than everything is not kept', () => {
  const budget = new CacheBudget(1000);
  const cache = cacheOf(budget, 300);
  cache.set('huge', 5000);
  assert.deepEqual([cache.size, budget.usedBytes], [0, 0]);
  cache.set('fits', 150);
  cache.set('fits too', 150);
  assert.deepEqual([cache.has('fits'), cache.has('fits too')], [false, true]);
});
