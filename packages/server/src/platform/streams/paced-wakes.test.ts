import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createTestClock } from '../clock.ts';
import { Notifier, PacedWakes } from './index.ts';

function roomOf(readers: number) {
  const clock = createTestClock();
  const notifier = new Notifier();
  const woken: number[] = [];
  notifier.onWake((_stream, position) => woken.push(position));
  return { clock, woken, wakes: new PacedWakes('typing', { notifier, clock, readersOf: () => readers }) };
}

test('two friends are woken each time', () => {
  const { woken, wakes, clock } = roomOf(2);
  for (const position of [1, 2, 3]) wakes.wake(7, position);
  assert.deepEqual(woken, [1, 2, 3]);
  assert.equal(clock.pending, 0);
});

test('a crowd is woken once for what happens in five seconds', () => {
  const { woken, wakes, clock } = roomOf(50_000);
  for (let position = 1; position <= 100; position++) wakes.wake(7, position);
  assert.deepEqual(woken, [1]);
  clock.advance(5000);
  assert.deepEqual(woken, [1, 100]);
  clock.advance(60_000);
  assert.deepEqual(woken, [1, 100]);
  assert.equal(clock.pending, 0);
});

test('a pause holds up no other room', () => {
  const { woken, wakes } = roomOf(50_000);
  wakes.wake(7, 1);
  wakes.wake(8, 2);
  assert.deepEqual(woken, [1, 2]);
});
