import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing/homeserver';

import { createTestClock } from '../../platform/clock.ts';
import { sql } from '../../platform/database/index.ts';

const wrongPassword = { status: 403, errcode: 'M_FORBIDDEN' };

forEachHomeserver('login', ({ test, testWith }) => {
  test('Alice logs in by her localpart, by her whole user id and as old bots do', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { password } = alice;
    for (const who of [
      { identifier: { type: 'm.id.user', user: alice.localpart } },
      { identifier: { type: 'm.id.user', user: alice.userId } },
      { identifier: { type: 'm.id.user', user: alice.userId.toUpperCase().replace('HIVE.EXAMPLE', 'hive.example') } },
      { user: alice.localpart },
    ]) {
      const { status, body } = await homeserver.request('POST', '/login', {
        body: { type: 'm.login.password', password, ...who },
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.user_id, alice.userId);
      const owner = await homeserver.request('GET', '/account/whoami', { token: body.access_token });
      assert.deepEqual(owner.body, { user_id: alice.userId, device_id: body.device_id });
    }
  });

  test('a client that writes null for what it does not want is understood', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { status, body } = await homeserver.request('POST', '/login', {
      body: {
        type: 'm.login.password',
        user: alice.userId,
        password: alice.password,
        device_id: null,
        initial_device_display_name: null,
      },
    });
    assert.equal(status, 200, JSON.stringify(body));
    assert.notEqual(body.device_id, alice.deviceId);
  });

  test('a wrong password and an unknown name look the same', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const says = async (user: string) =>
      homeserver.request('POST', '/login', {
        body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: 'a guess' },
      });
    const wrong = await says(alice.userId);
    assert.deepEqual({ status: wrong.status, errcode: wrong.body.errcode }, wrongPassword);
    assert.deepEqual((await says('nobody')).body, wrong.body);
    assert.deepEqual((await says('@alice:elsewhere.example')).body, wrong.body);
  });

  test('what is no way to log in is told as such', async ({ homeserver }) => {
    const flows = await homeserver.request('GET', '/login');
    assert.deepEqual(flows.body, { flows: [{ type: 'm.login.password' }] });
    const answers = [
      { body: { type: 'org.example.handshake' }, expected: { status: 400, errcode: 'M_UNKNOWN' } },
      { body: { type: 'm.login.password', password: 'x' }, expected: { status: 400, errcode: 'M_MISSING_PARAM' } },
      { body: { type: 'm.login.password', user: 'alice' }, expected: { status: 400, errcode: 'M_MISSING_PARAM' } },
      {
        body: { type: 'm.login.password', password: 'x', medium: 'email', address: 'alice@example.com' },
        expected: wrongPassword,
      },
      { body: {}, expected: { status: 400, errcode: 'M_BAD_JSON' } },
    ];
    for (const { body, expected } of answers) {
      const { status, body: heard } = await homeserver.request('POST', '/login', { body });
      assert.deepEqual({ status, errcode: heard.errcode }, expected, JSON.stringify(body));
    }
  });

  test('a device that logs in again loses its old token and keeps its name', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    await alice.put(`/devices/${alice.deviceId}`, { display_name: 'the blue phone' });
    const again = await homeserver.request('POST', '/login', {
      body: {
        type: 'm.login.password',
        user: alice.userId,
        password: alice.password,
        device_id: alice.deviceId,
        initial_device_display_name: 'another name',
      },
    });
    assert.equal(again.body.device_id, alice.deviceId);
    await alice.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    alice.token = again.body.access_token;
    assert.equal((await alice.get(`/devices/${alice.deviceId}`)).display_name, 'the blue phone');
  });

  test('Alice logs one device out, then all', async ({ homeserver }) => {
    const phone = await homeserver.person('alice');
    const laptop = await homeserver.anotherDeviceOf(phone);
    const tablet = await homeserver.anotherDeviceOf(phone);
    await phone.post('/logout');
    const gone = await phone.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    assert.equal(gone.soft_logout, false);
    const { devices } = await laptop.get('/devices');
    assert.deepEqual(
      new Set(devices.map((device: { device_id: string }) => device.device_id)),
      new Set([laptop.deviceId, tablet.deviceId]),
    );
    await laptop.post('/logout/all');
    for (const device of [laptop, tablet]) {
      await device.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    }
  });

  test('who is locked may only log out; who is suspended may read', async ({ homeserver }) => {
    const { database } = homeserver.server.needs;
    const lucy = await homeserver.person('lucy');
    await database.write((tx) => tx.run(sql`UPDATE users SET locked = 1 WHERE localpart = ${lucy.localpart}`));
    const refused = await lucy.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_USER_LOCKED' });
    assert.equal(refused.soft_logout, true);
    await lucy.post('/logout');

    const { alice, bob: sam, room } = await homeserver.twoFriendsInARoom();
    await database.write((tx) => tx.run(sql`UPDATE users SET suspended = 1 WHERE localpart = ${sam.localpart}`));
    const device = await homeserver.anotherDeviceOf(sam);
    const path = `/rooms/${encodeURIComponent(room)}/send/m.room.message/1`;
    const message = { body: { msgtype: 'm.text', body: 'buy this' } };
    await device.isRefused('PUT', path, { status: 403, errcode: 'M_USER_SUSPENDED' }, message);
    await alice.says('hello', room);
    await device.get(`/rooms/${encodeURIComponent(room)}/messages`, { dir: 'b' });
    await device.post('/logout');
  });

  test('a suspended moderator may take back what she said, leave and go, but not take back what others said', async ({
    homeserver,
  }) => {
    const { database } = homeserver.server.needs;
    const { alice, bob, room } = await homeserver.twoFriendsInARoom();
    const [ofAlice, ofBob] = [await alice.says('buy this', room), await bob.says('please do not', room)];
    await database.write((tx) => tx.run(sql`UPDATE users SET suspended = 1 WHERE localpart = ${alice.localpart}`));
    const device = await homeserver.anotherDeviceOf(alice);
    const redaction = (eventId: string) => `/rooms/${encodeURIComponent(room)}/redact/${encodeURIComponent(eventId)}/t`;
    const suspended = { status: 403, errcode: 'M_USER_SUSPENDED' };
    await device.isRefused('PUT', redaction(ofBob), suspended, { body: {} });
    await device.put(redaction(ofAlice));
    await device.isRefused('PUT', `/profile/${alice.userId}/displayname`, suspended, { body: { displayname: 'Shop' } });
    await device.leaves(room);
    await device.isRefused('POST', `/join/${encodeURIComponent(room)}`, suspended, { body: {} });
    const { body } = await device.request('POST', '/account/deactivate', { body: {} });
    const auth = { type: 'm.login.password', user: alice.userId, password: alice.password, session: body.session };
    await device.post('/account/deactivate', { auth });
  });

  const clock = createTestClock();
  testWith(
    'a token lasts as long as the configuration says',
    { clock, config: { session_lifetime: '1h' } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await alice.get('/account/whoami');
      clock.advance(3_599_000);
      await alice.get('/account/whoami');
      clock.advance(1_000);
      const ended = await alice.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
      assert.equal(ended.soft_logout, true);
    },
  );

  testWith('tokens survive a restart', {}, async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    await homeserver.restart();
    assert.equal((await alice.get('/account/whoami')).user_id, alice.userId);
  });

  testWith(
    'passwords that only confirm do not log in',
    { config: { password_config: { enabled: 'only_for_reauth' } } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      assert.deepEqual((await homeserver.request('GET', '/login')).body, { flows: [] });
      const refused = await homeserver.request('POST', '/login', {
        body: { type: 'm.login.password', user: alice.userId, password: alice.password },
      });
      assert.deepEqual({ status: refused.status, errcode: refused.body.errcode }, { status: 400, errcode: 'M_UNKNOWN' });
    },
  );

  const limitClock = createTestClock();
  testWith(
    'after too many failures even the right password must wait',
    { clock: limitClock, config: { rc_login: { failed_attempts: { per_second: 0.1, burst_count: 2 } } } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const bob = await homeserver.person('bob');
      // Five logins from one address are as many as the default allows.
      const tries = async (user: string, password: string) => {
        limitClock.advance(1);
        return homeserver.request('POST', '/login', { body: { type: 'm.login.password', user, password } });
      };
      assert.equal((await tries(alice.userId, 'first guess')).status, 403);
      assert.equal((await tries(alice.userId, 'second guess')).status, 403);
      const limited = await tries(alice.userId, alice.password);
      assert.equal(limited.status, 429);
      assert.equal(limited.body.errcode, 'M_LIMIT_EXCEEDED');
      assert.ok(limited.body.retry_after_ms > 0);
      assert.equal(limited.headers['retry-after'], String(Math.ceil(limited.body.retry_after_ms / 1000)));
      assert.equal((await tries(bob.userId, bob.password)).status, 200);
      limitClock.advance(10_000);
      assert.equal((await tries(alice.userId, alice.password)).status, 200);
    },
  );

  testWith(
    'a logged-in device logs another one in, once',
    { config: { login_via_existing_session: { enabled: true } } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const path = '/_matrix/client/v1/login/get_token';
      const asked = await alice.request('POST', path, { body: {} });
      assert.equal(asked.status, 401);
      const auth = { type: 'm.login.password', user: alice.userId, password: alice.password, session: asked.body.session };
      const { login_token: token } = await alice.post(path, { auth });
      const first = await homeserver.request('POST', '/login', { body: { type: 'm.login.token', token } });
      assert.equal(first.body.user_id, alice.userId);
      const second = await homeserver.request('POST', '/login', { body: { type: 'm.login.token', token } });
      assert.deepEqual({ status: second.status, errcode: second.body.errcode }, wrongPassword);
    },
  );
});
