import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing/homeserver';

async function canLogIn(homeserver: TestHomeserver, person: Person, password: string) {
  const { status, body } = await homeserver.request('POST', '/login', {
    body: { type: 'm.login.password', user: person.userId, password },
  });
  return status === 200 ? 'yes' : (body.errcode as string);
}

async function confirms(person: Person, path: string, body: Record<string, unknown>) {
  const asked = await person.request('POST', path, { body });
  assert.equal(asked.status, 401, JSON.stringify(asked.body));
  const auth = { type: 'm.login.password', user: person.userId, password: person.password, session: asked.body.session };
  return person.ask('POST', path, { body: { ...body, auth } });
}

forEachHomeserver('account', ({ test, testWith }) => {
  test('Alice changes her password, and her other devices are logged out', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const phone = await homeserver.anotherDeviceOf(alice);
    await confirms(alice, '/account/password', { new_password: 'a better one' });
    assert.equal(await canLogIn(homeserver, alice, alice.password), 'M_FORBIDDEN');
    assert.equal(await canLogIn(homeserver, alice, 'a better one'), 'yes');
    await alice.get('/account/whoami');
    await phone.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
  });

  test('her other devices stay if she wishes', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const phone = await homeserver.anotherDeviceOf(alice);
    await confirms(alice, '/account/password', { new_password: 'a better one', logout_devices: false });
    await phone.get('/account/whoami');
  });

  test('who knows the password needs no token to change it', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const body = {
      new_password: 'a better one',
      auth: { type: 'm.login.password', user: alice.userId, password: alice.password },
    };
    assert.equal((await homeserver.request('POST', '/account/password', { body })).status, 200);
    assert.equal(await canLogIn(homeserver, alice, 'a better one'), 'yes');
    await alice.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
  });

  test('Alice ends her account', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const phone = await homeserver.anotherDeviceOf(alice);
    const answer = await confirms(alice, '/account/deactivate', { erase: true });
    assert.deepEqual(answer, { id_server_unbind_result: 'success' });
    for (const device of [alice, phone]) {
      await device.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    }
    assert.equal(await canLogIn(homeserver, alice, alice.password), 'M_USER_DEACTIVATED');
    const again = await homeserver.request('GET', '/register/available', { query: { username: alice.localpart } });
    assert.equal(again.body.errcode, 'M_USER_IN_USE', 'nobody else may become Alice');
  });

  test('who ends the account is soon in no room', async ({ homeserver }) => {
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    await alice.syncs();
    await confirms(bob, '/account/deactivate', {});
    const left = await alice.syncsUntil((sync) =>
      sync.rooms?.join?.[room]?.timeline?.events?.find((event: { state_key?: string }) => event.state_key === bob.userId),
    );
    assert.equal(left.content.membership, 'leave');
  });

  testWith(
    'new passwords must follow the policy',
    {
      config: { password_config: { policy: { enabled: true, minimum_length: 8, require_digit: true, require_uppercase: true } } },
    },
    async ({ homeserver }) => {
      const policy = await homeserver.request('GET', '/password_policy');
      assert.deepEqual(policy.body, { 'm.minimum_length': 8, 'm.require_digit': true, 'm.require_uppercase': true });
      const alice = await homeserver.person('alice', { password: 'Correct4Horse' });
      for (const [new_password, errcode] of [
        ['Sh0rt', 'M_PASSWORD_TOO_SHORT'],
        ['NoDigitAtAll', 'M_PASSWORD_NO_DIGIT'],
        ['no capital 1', 'M_PASSWORD_NO_UPPERCASE'],
      ] as const) {
        await alice.isRefused('POST', '/account/password', { status: 400, errcode }, { body: { new_password } });
      }
      await confirms(alice, '/account/password', { new_password: 'Battery5taple' });
    },
  );
});
