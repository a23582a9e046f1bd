import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventId } from '@myelin/protocol/identifiers';

import { AbsentIds } from './absent-ids.ts';

const tea = '$tea' as EventId;
const cake = '$cake' as EventId;
const nothingFound = (): boolean => false;

test('what was not found is not looked for again, until it is written', async () => {
  const absent = new AbsentIds();
  await absent.look([tea, cake], () => Promise.resolve(), nothingFound);
  assert.ok(absent.has(tea));
  absent.written(tea);
  assert.ok(!absent.has(tea));
  assert.ok(absent.has(cake));
});

test('what is written while somebody looks is not absent, whatever they saw', async () => {
  const absent = new AbsentIds();
  const { promise, resolve } = Promise.withResolvers<void>();
  const looking = absent.look([tea], () => promise, nothingFound);
  absent.written(tea);
  resolve();
  await looking;
  assert.ok(!absent.has(tea));
});

test('a look that fails says nothing', async () => {
  const absent = new AbsentIds();
  await assert.rejects(absent.look([tea], () => Promise.reject(new Error('the disk is gone')), nothingFound));
  assert.ok(!absent.has(tea));
});
