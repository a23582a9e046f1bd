import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CacheBudget } from '../../../platform/cache/index.ts';
import { KnownParents } from './known-parents.ts';

const budget = (): CacheBudget => new CacheBudget(1_000_000);

test('nothing relates to an event that is younger than the process, until something does', () => {
  const known = new KnownParents(100, budget());
  assert.equal(known.mayHaveChildren(101), false);
  known.becameParent(101);
  assert.equal(known.mayHaveChildren(101), true);
});

test('of an older event the database is asked once, and again when something has related to it', () => {
  const known = new KnownParents(100, budget());
  assert.equal(known.mayHaveChildren(7), true);
  known.foundChildless([7], known.generation);
  assert.equal(known.mayHaveChildren(7), false);
  known.becameParent(7);
  assert.equal(known.mayHaveChildren(7), true);
});

test('an answer of the database counts for nothing where a relation came while it was on its way', () => {
  const known = new KnownParents(100, budget());
  const { generation } = known;
  known.becameParent(8);
  known.foundChildless([7, 8], generation);
  assert.equal(known.mayHaveChildren(7), true);
  assert.equal(known.mayHaveChildren(8), true);
});

test('the oldest parents are forgotten, and their like are asked for again', () => {
  const known = new KnownParents(0, budget());
  for (let nid = 1; nid <= 50_001; nid++) known.becameParent(2 * nid);
  assert.equal(known.mayHaveChildren(2), true);
  // Nothing is known any more of what is as old as the forgotten ones.
  assert.equal(known.mayHaveChildren(3), true);
  assert.equal(known.mayHaveChildren(100_002), true);
  assert.equal(known.mayHaveChildren(100_001), false);
});
