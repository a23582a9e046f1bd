import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ServerName } from '@myelin/protocol/identifiers';

import { createTestClock } from '../../platform/clock.ts';
import { ServerLimits } from './server-limits.ts';

const busy = 'busy.example' as ServerName;
const calm = 'calm.example' as ServerName;
const settings = { window_size: 1000, sleep_limit: 2, sleep_delay: 500, reject_limit: 3, concurrent: 1 };
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('few requests of one server are worked on at once; others do not wait for it', async () => {
  const limits = new ServerLimits(settings, createTestClock());
  const done: string[] = [];
  let finish = (): void => undefined;
  const first = limits.run(busy, () => new Promise<void>((resolve) => (finish = resolve)));
  const second = limits.run(busy, async () => void done.push('second'));
  await limits.run(calm, async () => void done.push('calm'));
  assert.deepEqual(done, ['calm']);
  finish();
  await Promise.all([first, second]);
  assert.deepEqual(done, ['calm', 'second']);
});

test('beyond the limit of a period requests are delayed, and refused when too many wait', async () => {
  const clock = createTestClock();
  const limits = new ServerLimits(settings, clock);
  let done = 0;
  const ask = (): Promise<void> => limits.run(busy, async () => void (done += 1));
  await ask();
  await ask();
  const waiting = [ask(), ask(), ask(), ask()];
  await turns();
  assert.equal(done, 2);
  await assert.rejects(ask(), { errcode: 'M_LIMIT_EXCEEDED' });
  clock.advance(500);
  await Promise.all(waiting);
  assert.equal(done, 6);
  clock.advance(1001);
  await ask();
  clock.advance(3000);
  assert.equal(limits.size, 0);
});

test('work that fails gives its place back', async () => {
  const limits = new ServerLimits(settings, createTestClock());
  await assert.rejects(
    limits.run(busy, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await limits.run(busy, async () => 'yes'), 'yes');
});
