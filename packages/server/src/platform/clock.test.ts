import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createTestClock, systemClock } from './clock.ts';

test('the test clock calls what falls due, in order, at its time', () => {
  const clock = createTestClock(1000);
  const seen: [string, number][] = [];
  const note = (what: string) => () => void seen.push([what, clock.now()]);
  clock.schedule(20, note('second'));
  clock.schedule(10, note('first'));
  clock.schedule(10, () => clock.schedule(5, note('made on the way')));
  clock.schedule(15, note('never')).cancel();
  clock.schedule(100, note('later'));
  clock.advance(20);
  assert.deepEqual(seen, [
    ['first', 1010],
    ['made on the way', 1015],
    ['second', 1020],
  ]);
  assert.equal(clock.now(), 1020);
  assert.equal(clock.pending, 1);
});

test('a sleeper wakes when time has come, or when told to', async () => {
  const clock = createTestClock();
  const slept = clock.sleep(50);
  clock.advance(50);
  await slept;
  const controller = new AbortController();
  const interrupted = clock.sleep(50, controller.signal);
  controller.abort();
  await interrupted;
  await clock.sleep(50, AbortSignal.abort());
  assert.equal(clock.pending, 0);
});

test('the system clock runs forward', async () => {
  const before = systemClock.monotonic();
  await new Promise<void>((resolve) => {
    // A timer of the clock does not keep the process alive; this test's own one does.
    const alive = setTimeout(() => undefined, 1000);
    systemClock.schedule(1, () => {
      clearTimeout(alive);
      resolve();
    });
  });
  assert.ok(systemClock.monotonic() > before);
  assert.ok(Number.isInteger(systemClock.now()));
});
