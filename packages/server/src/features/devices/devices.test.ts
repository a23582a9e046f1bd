import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

import { createTestClock } from '../../platform/clock.ts';

async function idsOf(person: Person): Promise<string[]> {
  const { devices } = await person.get('/devices');
  return devices.map(({ device_id }: { device_id: string }) => device_id).toSorted();
}

const proofOf = (person: Person, session: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: person.userId },
  password: person.password,
  session,
});

forEachHomeserver('devices', ({ test, testWith }) => {
  test('Alice names her device; Bob cannot see it', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    await alice.put(`/devices/${alice.deviceId}`, { display_name: 'kitchen tablet' });
    const device = await alice.get(`/devices/${alice.deviceId}`);
    assert.equal(device.display_name, 'kitchen tablet');
    assert.equal(device.last_seen_ip, '127.0.0.1');
    await bob.isRefused('GET', `/devices/${alice.deviceId}`, { status: 404, errcode: 'M_NOT_FOUND' });
    await bob.isRefused(
      'PUT',
      `/devices/${alice.deviceId}`,
      { status: 404, errcode: 'M_NOT_FOUND' },
      { body: { display_name: 'mine' } },
    );
    const tooLong = { body: { display_name: 'x'.repeat(101) } };
    await alice.isRefused('PUT', `/devices/${alice.deviceId}`, { status: 400, errcode: 'M_TOO_LARGE' }, tooLong);
  });

  test('a name that is too long at login is cut', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: alice.userId },
      password: alice.password,
      device_id: 'WORDY',
      initial_device_display_name: `my ${'very '.repeat(1000)} old phone`,
    };
    await homeserver.request('POST', '/login', { body: login });
    assert.equal((await alice.get('/devices/WORDY')).display_name, login.initial_device_display_name.slice(0, 100));
  });

  test('Alice logs her lost phone out, and must say who she is', async ({ homeserver }) => {
    const phone = await homeserver.person('alice');
    const laptop = await homeserver.anotherDeviceOf(phone);
    const path = `/devices/${phone.deviceId}`;
    const asked = await laptop.request('DELETE', path, { body: {} });
    assert.equal(asked.status, 401);
    assert.equal(asked.body.errcode, undefined);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }]);
    const wrong = await laptop.request('DELETE', path, {
      body: { auth: { ...proofOf(laptop, asked.body.session), password: 'no' } },
    });
    assert.deepEqual({ status: wrong.status, errcode: wrong.body.errcode }, { status: 401, errcode: 'M_FORBIDDEN' });
    assert.equal(wrong.body.session, asked.body.session);
    await phone.get('/account/whoami');
    await laptop.ask('DELETE', path, { body: { auth: proofOf(laptop, asked.body.session) } });
    await phone.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    assert.deepEqual(await idsOf(laptop), [laptop.deviceId]);
  });

  test("Bob's password proves nothing about Alice", async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const path = `/devices/${alice.deviceId}`;
    const asked = await alice.request('DELETE', path, { body: {} });
    const answer = await alice.request('DELETE', path, { body: { auth: proofOf(bob, asked.body.session) } });
    assert.deepEqual({ status: answer.status, errcode: answer.body.errcode }, { status: 401, errcode: 'M_FORBIDDEN' });
    const bobsTry = await bob.request('DELETE', path, { body: { auth: proofOf(bob, asked.body.session) } });
    assert.equal(bobsTry.status, 403, "a session of Alice's is not Bob's");
  });

  test('Alice logs several devices out at once', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const others = [await homeserver.anotherDeviceOf(alice), await homeserver.anotherDeviceOf(alice)];
    const devices = [...others.map(({ deviceId }) => deviceId), 'NOTTHERE'];
    const asked = await alice.request('POST', '/delete_devices', { body: { devices } });
    const changed = await alice.request('POST', '/delete_devices', {
      body: { devices: [alice.deviceId], auth: proofOf(alice, asked.body.session) },
    });
    assert.equal(changed.status, 403, 'what was confirmed is what is done');
    await alice.post('/delete_devices', { devices, auth: proofOf(alice, asked.body.session) });
    assert.deepEqual(await idsOf(alice), [alice.deviceId]);
  });

  testWith(
    'one confirmation serves for a while where the operator says so',
    { config: { ui_auth: { session_timeout: '1m' } } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const phone = await homeserver.anotherDeviceOf(alice);
      await alice.ask('DELETE', `/devices/${phone.deviceId}`, { body: {} });
      assert.deepEqual(await idsOf(alice), [alice.deviceId], 'logging in was a confirmation');
    },
  );

  const clock = createTestClock();
  testWith(
    'a device that is not seen any more is logged out; where it was is forgotten before',
    { clock, config: { delete_stale_devices_after: '30d', user_ips_max_age: '7d' } },
    async ({ homeserver }) => {
      const phone = await homeserver.person('alice');
      const laptop = await homeserver.anotherDeviceOf(phone);
      await phone.get('/account/whoami');
      const dayMs = 24 * 3600 * 1000;
      const daysPass = async (days: number) => {
        for (let day = 0; day < days; day++) {
          clock.advance(dayMs);
          // The laptop is seen every day. The jobs of the night answer to nobody.
          await laptop.get('/devices');
        }
      };
      await daysPass(10);
      let later = await laptop.get(`/devices/${phone.deviceId}`);
      // A night's work that took longer than a day of this clock is done another night.
      for (let night = 0; night < 10 && later.last_seen_ip !== undefined; night++) {
        await daysPass(1);
        later = await laptop.get(`/devices/${phone.deviceId}`);
      }
      assert.deepEqual({ ip: later.last_seen_ip, isNoted: later.last_seen_ts > 0 }, { ip: undefined, isNoted: true });
      await daysPass(25);
      let left = await idsOf(laptop);
      for (let night = 0; night < 50 && left.length > 1; night++) {
        await daysPass(1);
        left = await idsOf(laptop);
      }
      assert.deepEqual(left, [laptop.deviceId]);
      await phone.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
    },
  );
});
