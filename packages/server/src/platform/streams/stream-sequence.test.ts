import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StreamSequence } from './stream-sequence.ts';

test('a stream goes on where it stopped', () => {
  const sequence = new StreamSequence(41);
  assert.equal(sequence.now(), 41);
  const slot = sequence.allocate();
  assert.equal(slot.position, 42);
  assert.equal(sequence.now(), 41);
  slot.finished();
  assert.equal(sequence.now(), 42);
});

test('Bob, who finishes first, stays unseen until Alice has finished before him', () => {
  const sequence = new StreamSequence(0);
  const alice = sequence.allocate(3);
  const bob = sequence.allocate();
  assert.deepEqual([alice.position, bob.position, sequence.last], [1, 4, 4]);
  bob.finished();
  assert.equal(sequence.now(), 0);
  alice.finished();
  assert.equal(sequence.now(), 4);
});

test('a gap that nobody fills does not hold up the stream', () => {
  const sequence = new StreamSequence(0);
  const [first, failed, third] = [sequence.allocate(), sequence.allocate(2), sequence.allocate()];
  first.finished();
  assert.equal(sequence.now(), 1);
  third.finished();
  assert.equal(sequence.now(), 1);
  failed.finished();
  assert.equal(sequence.now(), 4);
});

test('finishing twice finishes once, and nothing is taken for no positions', () => {
  const sequence = new StreamSequence(0);
  const slot = sequence.allocate();
  slot.finished();
  slot.finished();
  assert.equal(sequence.now(), 1);
  assert.throws(() => sequence.allocate(0), RangeError);
});
