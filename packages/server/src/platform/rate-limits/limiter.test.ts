import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MatrixError } from '@myelin/protocol/errors';

import { createTestClock } from '../clock.ts';
import { createLimiter, createLimiters, type Rate } from './index.ts';

/** How long the limiter wants this key to wait, in milliseconds; undefined when it lets it through. */
function waitOf(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof MatrixError);
    assert.equal(error.errcode, 'M_LIMIT_EXCEEDED');
    assert.equal(error.status, 429);
    return error.fields['retry_after_ms'];
  }
}

const RC_MESSAGE: Rate = { perSecond: 0.2, burstCount: 10 };

test('Alice may burst, then goes on at the steady rate', () => {
  const clock = createTestClock();
  const limiter = createLimiter(RC_MESSAGE, { clock });
  for (let i = 0; i < 10; i++) limiter.limit('alice');
  assert.equal(
    waitOf(() => limiter.limit('alice')),
    5000,
  );
  clock.advance(4999);
  assert.equal(
    waitOf(() => limiter.limit('alice')),
    1,
  );
  clock.advance(1);
  limiter.limit('alice');
  assert.equal(
    waitOf(() => limiter.limit('alice')),
    5000,
  );
  limiter.limit('bob');
  clock.advance(50_000);
  for (let i = 0; i < 10; i++) limiter.limit('alice');
});

test('only failed attempts count where the caller says so', () => {
  const clock = createTestClock();
  const limiter = createLimiter({ perSecond: 0.17, burstCount: 3 }, { clock });
  for (let i = 0; i < 100; i++) limiter.check('alice');
  for (let i = 0; i < 3; i++) limiter.record('alice');
  assert.notEqual(
    waitOf(() => limiter.check('alice')),
    undefined,
  );
});

test('an action may cost more than one', () => {
  const limiter = createLimiter({ perSecond: 1, burstCount: 10 }, { clock: createTestClock() });
  limiter.limit('alice', 8);
  assert.equal(
    waitOf(() => limiter.limit('alice', 4)),
    2000,
  );
  limiter.limit('alice', 2);
});

test('an administrator sets a rate of her own for Alice, and lifts that of Bob', () => {
  const overrides = new Map<string, Rate>([
    ['alice', { perSecond: 1, burstCount: 1 }],
    ['bob', { perSecond: 0, burstCount: 0 }],
  ]);
  const limiter = createLimiter(RC_MESSAGE, { clock: createTestClock(), overrideFor: (key) => overrides.get(key) });
  limiter.limit('alice');
  assert.equal(
    waitOf(() => limiter.limit('alice')),
    1000,
  );
  for (let i = 0; i < 1000; i++) limiter.limit('bob');
});

test('a rate of 0 lets the burst through and nothing after it', () => {
  const clock = createTestClock();
  const limiter = createLimiter({ perSecond: 0, burstCount: 2 }, { clock });
  limiter.limit('alice');
  limiter.limit('alice');
  clock.advance(365 * 24 * 3600 * 1000);
  assert.notEqual(
    waitOf(() => limiter.limit('alice')),
    undefined,
  );
});

test('memory is bounded, and whoever acted last is remembered', () => {
  const limiter = createLimiter({ perSecond: 0.001, burstCount: 1 }, { clock: createTestClock(), maxKeys: 100 });
  for (let i = 0; i < 1000; i++) limiter.limit(`mallory ${i}`);
  assert.equal(
    waitOf(() => limiter.limit('mallory 0')),
    undefined,
  );
  assert.notEqual(
    waitOf(() => limiter.limit('mallory 999')),
    undefined,
  );
});

test('each named rate has a limiter', () => {
  const clock = createTestClock();
  const limiters = createLimiters({ rc_message: RC_MESSAGE, 'rc_login.address': { perSecond: 0.003, burstCount: 1 } }, { clock });
  limiters['rc_login.address'].limit('192.0.2.1');
  assert.notEqual(
    waitOf(() => limiters['rc_login.address'].limit('192.0.2.1')),
    undefined,
  );
  limiters.rc_message.limit('192.0.2.1');
});
