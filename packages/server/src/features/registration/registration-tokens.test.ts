import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing/homeserver';

import { createTestClock } from '../../platform/clock.ts';

const tokensPath = '/_synapse/admin/v1/registration_tokens';
const dayMs = 24 * 3600 * 1000;

/** The access token of an administrator. */
async function olga(homeserver: TestHomeserver): Promise<string> {
  const path = '/_synapse/admin/v1/register';
  const { nonce } = (await homeserver.request('GET', path)).body as { nonce: string };
  const mac = createHmac('sha1', homeserver.registrationSharedSecret).update(`${nonce}\0olga\0runs this\0admin`).digest('hex');
  const body = { nonce, username: 'olga', password: 'runs this', admin: true, mac };
  return (await homeserver.request('POST', path, { body })).body.access_token as string;
}

async function isValid(homeserver: TestHomeserver, token: string): Promise<boolean> {
  const path = '/_matrix/client/v1/register/m.login.registration_token/validity';
  return (await homeserver.request('GET', path, { query: { token } })).body.valid as boolean;
}

async function register(homeserver: TestHomeserver, body: Record<string, unknown>) {
  return homeserver.request('POST', '/register', { body });
}

forEachHomeserver('registration tokens', ({ testWith }) => {
  const requiresToken = { registration_requires_token: true };

  testWith('a token for one lets one in', { config: requiresToken }, async ({ homeserver }) => {
    const admin = await olga(homeserver);
    const made = await homeserver.request('POST', `${tokensPath}/new`, {
      token: admin,
      body: { token: 'welcome', uses_allowed: 1 },
    });
    assert.deepEqual(made.body, { token: 'welcome', uses_allowed: 1, pending: 0, completed: 0, expiry_time: null });
    assert.ok(await isValid(homeserver, 'welcome'));
    assert.ok(!(await isValid(homeserver, 'guess')));

    const alice = { username: 'alice', password: 'x y z' };
    const asked = await register(homeserver, alice);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.registration_token'] }]);
    const auth = { type: 'm.login.registration_token', session: asked.body.session };
    const guess = await register(homeserver, { ...alice, auth: { ...auth, token: 'guess' } });
    assert.deepEqual({ status: guess.status, errcode: guess.body.errcode }, { status: 401, errcode: 'M_UNAUTHORIZED' });
    const dummy = await register(homeserver, { ...alice, auth: { ...auth, type: 'm.login.dummy' } });
    assert.equal(dummy.status, 401);
    const done = await register(homeserver, {
      ...alice,
      auth: { ...auth, type: 'org.matrix.msc3231.login.registration_token', token: 'welcome' },
    });
    assert.equal(done.status, 200, JSON.stringify(done.body));

    const after = await homeserver.request('GET', `${tokensPath}/welcome`, { token: admin });
    assert.deepEqual([after.body.pending, after.body.completed], [0, 1]);
    assert.ok(!(await isValid(homeserver, 'welcome')));
    const bob = await register(homeserver, {
      username: 'bob',
      password: 'x y z',
      auth: { ...auth, session: undefined, token: 'welcome' },
    });
    assert.equal(bob.status, 401);
  });

  const clock = createTestClock();
  testWith('a use that was begun and given up is free again', { clock, config: requiresToken }, async ({ homeserver }) => {
    const admin = await olga(homeserver);
    await homeserver.request('POST', `${tokensPath}/new`, { token: admin, body: { token: 'single', uses_allowed: 1 } });
    const asked = await register(homeserver, {});
    const page = `/auth/m.login.registration_token/fallback/web?session=${asked.body.session}`;
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await homeserver.request('POST', page, { body: 'token=guess', headers: form })).status, 401);
    assert.match(String((await homeserver.request('POST', page, { body: 'token=single', headers: form })).body), /onAuthDone/);
    assert.ok(!(await isValid(homeserver, 'single')), 'set aside');
    await homeserver.restart();
    clock.advance(2 * dayMs);
    // A job frees it, now that the session is too old.
    for (let time = 0; !(await isValid(homeserver, 'single')); time++) {
      assert.ok(time < 100, 'the use is never free again');
      clock.advance(600_000);
    }
    const late = await register(homeserver, { username: 'alice', password: 'x y z', auth: { session: asked.body.session } });
    assert.equal(late.status, 400, 'that session is over');
  });

  const expiring = createTestClock();
  testWith('an admin looks after the tokens', { clock: expiring, config: requiresToken }, async ({ homeserver }) => {
    const token = await olga(homeserver);
    const ask = (method: string, path: string, body?: unknown) =>
      homeserver.request(method, tokensPath + path, { token, ...(body !== undefined && { body }) });
    const made = await ask('POST', '/new', {});
    assert.match(made.body.token, /^[A-Za-z0-9]{16}$/);
    assert.equal((await ask('POST', '/new', { length: 8 })).body.token.length, 8);
    const expiry_time = expiring.now() + 1000;
    await ask('POST', '/new', { token: 'soon.over', expiry_time });
    for (const body of [
      { token: 'soon.over' },
      { token: 'a b' },
      { token: '' },
      { expiry_time: 1 },
      { uses_allowed: -1 },
      { length: 65 },
    ]) {
      assert.equal((await ask('POST', '/new', body)).status, 400, JSON.stringify(body));
    }
    expiring.advance(1001);
    assert.ok(!(await isValid(homeserver, 'soon.over')));
    const invalid = await ask('GET', '?valid=false');
    assert.deepEqual(
      invalid.body.registration_tokens.map((one: { token: string }) => one.token),
      ['soon.over'],
    );
    assert.equal((await ask('GET', '?valid=true')).body.registration_tokens.length, 2);
    const renewed = await ask('PUT', '/soon.over', { expiry_time: null, uses_allowed: 3 });
    assert.deepEqual(renewed.body, { token: 'soon.over', uses_allowed: 3, pending: 0, completed: 0, expiry_time: null });
    assert.ok(await isValid(homeserver, 'soon.over'));
    assert.deepEqual((await ask('DELETE', '/soon.over')).body, {});
    for (const [method, body] of [['GET'], ['PUT', {}], ['DELETE']] as const) {
      const gone = await ask(method, '/soon.over', body);
      assert.deepEqual({ status: gone.status, errcode: gone.body.errcode }, { status: 404, errcode: 'M_NOT_FOUND' }, method);
    }
    const anybody = await homeserver.request('GET', tokensPath, { token: 'made up' });
    assert.equal(anybody.status, 401);
  });
});
