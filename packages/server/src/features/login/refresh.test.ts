import assert from 'node:assert/strict';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing/homeserver';

import { createTestClock } from '../../platform/clock.ts';

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in_ms: number;
}

async function logsIn(homeserver: TestHomeserver): Promise<Tokens> {
  const alice = await homeserver.person('alice');
  const { body } = await homeserver.request('POST', '/login', {
    body: { type: 'm.login.password', user: alice.userId, password: alice.password, refresh_token: true },
  });
  return body as Tokens;
}

async function refreshes(homeserver: TestHomeserver, refreshToken: string): Promise<Tokens> {
  const { status, body } = await homeserver.request('POST', '/refresh', { body: { refresh_token: refreshToken } });
  assert.equal(status, 200, JSON.stringify(body));
  return body as Tokens;
}

async function isGood(homeserver: TestHomeserver, token: string): Promise<boolean> {
  const { status } = await homeserver.request('GET', '/account/whoami', { token });
  return status === 200;
}

async function isRefreshable(homeserver: TestHomeserver, refreshToken: string): Promise<boolean> {
  const { status, body } = await homeserver.request('POST', '/refresh', { body: { refresh_token: refreshToken } });
  if (status === 200) return true;
  assert.deepEqual({ status, errcode: body.errcode }, { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
  return false;
}

forEachHomeserver('refresh tokens', ({ test, testWith }) => {
  test('the old tokens end when the new access token is first used', async ({ homeserver }) => {
    const first = await logsIn(homeserver);
    assert.equal(first.expires_in_ms, 300_000);
    assert.ok(await isGood(homeserver, first.access_token));
    const second = await refreshes(homeserver, first.refresh_token);
    assert.ok(await isGood(homeserver, first.access_token), 'the client may not have heard of the new token yet');
    assert.ok(await isGood(homeserver, second.access_token));
    assert.ok(!(await isGood(homeserver, first.access_token)));
    assert.ok(!(await isRefreshable(homeserver, first.refresh_token)));
    assert.ok(await isGood(homeserver, second.access_token));
  });

  test('the old tokens end when the new refresh token is first used', async ({ homeserver }) => {
    const first = await logsIn(homeserver);
    const second = await refreshes(homeserver, first.refresh_token);
    const third = await refreshes(homeserver, second.refresh_token);
    assert.ok(!(await isGood(homeserver, first.access_token)));
    assert.ok(!(await isRefreshable(homeserver, first.refresh_token)));
    assert.ok(await isGood(homeserver, third.access_token));
  });

  test('a client that missed the answer refreshes once more', async ({ homeserver }) => {
    const first = await logsIn(homeserver);
    const lost = await refreshes(homeserver, first.refresh_token);
    const second = await refreshes(homeserver, first.refresh_token);
    assert.ok(!(await isGood(homeserver, lost.access_token)));
    assert.ok(!(await isRefreshable(homeserver, lost.refresh_token)));
    assert.ok(await isGood(homeserver, second.access_token));
  });

  test('logging out ends the refresh token too', async ({ homeserver }) => {
    const tokens = await logsIn(homeserver);
    await homeserver.request('POST', '/logout', { token: tokens.access_token });
    assert.ok(!(await isRefreshable(homeserver, tokens.refresh_token)));
  });

  const clock = createTestClock();
  testWith(
    'an access token ends after its time, and the session at last',
    { clock, config: { refreshable_access_token_lifetime: '1m', refresh_token_lifetime: '10m', session_lifetime: '15m' } },
    async ({ homeserver }) => {
      const first = await logsIn(homeserver);
      clock.advance(60_000);
      const { status, body } = await homeserver.request('GET', '/account/whoami', { token: first.access_token });
      assert.deepEqual({ status, soft: body.soft_logout }, { status: 401, soft: true });
      const second = await refreshes(homeserver, first.refresh_token);
      clock.advance(8 * 60_000);
      const third = await refreshes(homeserver, second.refresh_token);
      clock.advance(5.5 * 60_000);
      const fourth = await refreshes(homeserver, third.refresh_token);
      assert.equal(fourth.expires_in_ms, 30_000, 'no token outlasts the session');
      clock.advance(30_000);
      assert.ok(!(await isRefreshable(homeserver, fourth.refresh_token)));
    },
  );
});
