import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing/homeserver';

import { someone, type } from '../../cli/cli.fixture.ts';
import { createTestClock } from '../../platform/clock.ts';

const auth = { type: 'm.login.dummy' };

async function register(homeserver: TestHomeserver, body: Record<string, unknown>, kind?: string) {
  const { status, body: answer } = await homeserver.request('POST', '/register', { body, query: { kind } });
  return { status, answer, errcode: answer.errcode as string | undefined };
}

forEachHomeserver('registration', ({ test, testWith }) => {
  test('a new user is asked, answers and is logged in', async ({ homeserver }) => {
    const wish = { username: 'carol', password: 'tea at four' };
    const asked = await register(homeserver, wish);
    assert.equal(asked.status, 401);
    assert.deepEqual(asked.answer.flows, [{ stages: ['m.login.dummy'] }]);
    const { status, answer } = await register(homeserver, {
      ...wish,
      device_id: 'PHONE',
      initial_device_display_name: 'a phone',
      auth: { ...auth, session: asked.answer.session },
    });
    assert.equal(status, 200);
    assert.deepEqual({ user: answer.user_id, device: answer.device_id }, { user: '@carol:hive.example', device: 'PHONE' });
    const device = await homeserver.request('GET', '/devices/PHONE', { token: answer.access_token });
    assert.equal(device.body.display_name, 'a phone');
    const again = await register(homeserver, { ...wish, auth });
    assert.deepEqual({ status: again.status, errcode: again.errcode }, { status: 400, errcode: 'M_USER_IN_USE' });
  });

  test('a new user has a name from the first moment', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    assert.deepEqual(await alice.get(`/profile/${alice.userId}`), { displayname: alice.localpart });
  });

  test('somebody may choose another name while registering', async ({ homeserver }) => {
    await homeserver.person('frida', { exactly: true });
    const asked = await register(homeserver, {});
    const session = asked.answer.session as string;
    const taken = await register(homeserver, { username: 'frida', password: 'x y z', auth: { ...auth, session } });
    assert.equal(taken.errcode, 'M_USER_IN_USE');
    const free = await register(homeserver, { username: 'frida2', password: 'x y z', auth: { ...auth, session } });
    assert.equal(free.answer.user_id, '@frida2:hive.example');
    const secondAccount = await register(homeserver, { username: 'frida3', password: 'x y z', auth: { ...auth, session } });
    assert.equal(secondAccount.status, 400, 'one confirmation makes one account');
  });

  test('names that cannot be are refused before anybody is asked', async ({ homeserver }) => {
    for (const username of ['', 'schöner name', '_bridge', '12345', 'a:b', 'x'.repeat(250)]) {
      const { status, errcode } = await register(homeserver, { username, password: 'secret enough' });
      assert.deepEqual({ status, errcode }, { status: 400, errcode: 'M_INVALID_USERNAME' }, username);
      const available = await homeserver.request('GET', '/register/available', { query: { username } });
      assert.equal(available.body.errcode, 'M_INVALID_USERNAME', username);
    }
  });

  test('whether a name is free can be asked', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const ask = (username: string) => homeserver.request('GET', '/register/available', { query: { username } });
    assert.equal((await ask(alice.localpart)).body.errcode, 'M_USER_IN_USE');
    assert.equal((await ask(alice.localpart.toUpperCase())).body.errcode, 'M_USER_IN_USE');
    assert.deepEqual((await ask('nobody.yet')).body, { available: true });
  });

  test('of two who want the same name at once one gets it', async ({ homeserver }) => {
    const answers = await Promise.all(
      [1, 2, 3].map((number) => register(homeserver, { username: 'grace', password: `secret ${number}`, auth })),
    );
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((one, other) => one - other),
      [200, 400, 400],
    );
  });

  test('who only wants the account gets no session', async ({ homeserver }) => {
    const { answer } = await register(homeserver, { username: 'heidi', password: 'x y z', inhibit_login: true, auth });
    assert.deepEqual(Object.keys(answer).toSorted(), ['home_server', 'user_id']);
  });

  test('guests are refused where they are not allowed', async ({ homeserver }) => {
    const { status, errcode } = await register(homeserver, {}, 'guest');
    assert.deepEqual({ status, errcode }, { status: 403, errcode: 'M_FORBIDDEN' });
  });

  testWith('a guest looks around and becomes a user', { config: { allow_guest_access: true } }, async ({ homeserver }) => {
    const { answer: guest } = await register(homeserver, { device_id: 'MINE' }, 'guest');
    const localpart = (guest.user_id as string).slice(1).split(':')[0] ?? '';
    assert.match(localpart, /^[0-9]+$/);
    assert.notEqual(guest.device_id, 'MINE');
    const token = guest.access_token as string;
    const owner = await homeserver.request('GET', '/account/whoami', { token });
    assert.equal(owner.body.is_guest, true);
    const refused = await homeserver.request('POST', '/delete_devices', { token, body: { devices: [] } });
    assert.deepEqual(
      { status: refused.status, errcode: refused.body.errcode },
      { status: 403, errcode: 'M_GUEST_ACCESS_FORBIDDEN' },
    );

    const upgrade = { username: localpart, password: 'now for real', guest_access_token: token };
    const stranger = await register(homeserver, { ...upgrade, guest_access_token: 'made up', auth });
    assert.equal(stranger.status, 403);
    const { status, answer: user } = await register(homeserver, { ...upgrade, auth });
    assert.equal(status, 200, JSON.stringify(user));
    assert.equal(user.user_id, guest.user_id);
    const ownerNow = await homeserver.request('GET', '/account/whoami', { token: user.access_token });
    assert.equal(ownerNow.body.is_guest, undefined);
  });

  testWith('closed registration is closed', { config: { enable_registration: false } }, async ({ homeserver }) => {
    const { status, errcode } = await register(homeserver, { username: 'mallory', password: 'x y z', auth });
    assert.deepEqual({ status, errcode }, { status: 403, errcode: 'M_FORBIDDEN' });
  });

  const clock = createTestClock();
  testWith(
    'registrations from one address are limited; being asked does not count',
    { clock, config: { rc_registration: { per_second: 0.1, burst_count: 2 } } },
    async ({ homeserver }) => {
      for (let time = 0; time < 5; time++) assert.equal((await register(homeserver, {})).status, 401);
      await homeserver.person('alice');
      await homeserver.person('bob');
      const third = await register(homeserver, { username: 'carol', password: 'x y z', auth });
      assert.deepEqual({ status: third.status, errcode: third.errcode }, { status: 429, errcode: 'M_LIMIT_EXCEEDED' });
      clock.advance(10_000);
      await homeserver.person('carol');
    },
  );

  testWith(
    'new users accept the terms',
    { config: { user_consent: { require_at_registration: true, version: '1.2', policy_name: 'House rules' } } },
    async ({ homeserver }) => {
      const wish = { username: 'ivan', password: 'x y z' };
      const asked = await register(homeserver, wish);
      assert.deepEqual(asked.answer.flows, [{ stages: ['m.login.terms'] }]);
      const policy = asked.answer.params['m.login.terms'].policies.privacy_policy;
      assert.deepEqual({ version: policy.version, name: policy.en.name }, { version: '1.2', name: 'House rules' });
      const page = `/auth/m.login.terms/fallback/web?session=${asked.answer.session}`;
      const form = await homeserver.request('GET', page);
      assert.match(String(form.body), /House rules[\s\S]*I accept/);
      const done = await homeserver.request('POST', page, {
        body: '',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.match(String(done.body), /onAuthDone/);
      const { status, answer } = await register(homeserver, { auth: { session: asked.answer.session } });
      assert.equal(status, 200, 'the server still knows what was wished for');
      assert.equal(answer.user_id, '@ivan:hive.example');
    },
  );
});

forEachHomeserver('registration by shared secret', ({ test, testWith }) => {
  const path = '/_synapse/admin/v1/register';
  async function signed(
    homeserver: TestHomeserver,
    user: { username: string; password: string; admin: boolean; user_type?: string },
  ) {
    const { nonce } = (await homeserver.request('GET', path)).body as { nonce: string };
    const words = [
      nonce,
      user.username,
      user.password,
      user.admin ? 'admin' : 'notadmin',
      ...(user.user_type ? [user.user_type] : []),
    ];
    const mac = createHmac('sha1', homeserver.registrationSharedSecret).update(words.join('\0')).digest('hex');
    return { ...user, nonce, mac };
  }

  test('an operator makes an admin, once for each nonce', async ({ homeserver }) => {
    const body = await signed(homeserver, { username: 'Olga', password: 'runs this', admin: true });
    const { status, body: answer } = await homeserver.request('POST', path, { body });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.equal(answer.user_id, '@olga:hive.example');
    const admin = await homeserver.request('GET', '/_synapse/admin/v1/registration_tokens', { token: answer.access_token });
    assert.deepEqual(admin.body, { registration_tokens: [] });
    const again = await homeserver.request('POST', path, { body: { ...body, username: 'olga2' } });
    assert.equal(again.status, 400);
  });

  test('a wrong signature makes nobody', async ({ homeserver }) => {
    const body = await signed(homeserver, { username: 'mallory', password: 'x y z', admin: false });
    const { status, body: answer } = await homeserver.request('POST', path, { body: { ...body, admin: true } });
    assert.deepEqual({ status, errcode: answer.errcode }, { status: 403, errcode: 'M_FORBIDDEN' });
  });

  test('the type of a user is one that the server knows', async ({ homeserver }) => {
    const bot = await signed(homeserver, { username: 'robot', password: 'x y z', admin: false, user_type: 'bot' });
    assert.equal((await homeserver.request('POST', path, { body: bot })).status, 200);
    const odd = await signed(homeserver, { username: 'odd', password: 'x y z', admin: false, user_type: 'dragon' });
    assert.equal((await homeserver.request('POST', path, { body: odd })).status, 400);
  });

  test('the command line registers somebody', async ({ homeserver }) => {
    const { terminal, said } = someone();
    const flags = ['-u', 'peter', '-p', 'x y z', '--admin', '-k', homeserver.registrationSharedSecret];
    assert.equal(await type(['register-user', ...flags, homeserver.baseUrl], terminal), 0);
    assert.deepEqual(said, ['Registered @peter:hive.example, a server admin.']);
    assert.equal(await type(['register-user', ...flags, '--exists-ok', homeserver.baseUrl], terminal), 0);
    const login = { type: 'm.login.password', user: 'peter', password: 'x y z' };
    assert.equal((await homeserver.request('POST', '/login', { body: login })).status, 200);
  });

  testWith('without a secret there is no such way', { config: { registration_shared_secret: null } }, async ({ homeserver }) => {
    const { status, body } = await homeserver.request('GET', path);
    assert.deepEqual({ status, errcode: body.errcode }, { status: 404, errcode: 'M_UNRECOGNIZED' });
  });
});
