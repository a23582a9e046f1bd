import assert from 'node:assert/strict';

import { forEachHomeserver, type Person } from '@myelin/testing/homeserver';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** The page on which Alice confirms that a device of hers is to be logged out. */
async function pageFor(alice: Person, deviceId: string) {
  const { body } = await alice.request('DELETE', `/devices/${deviceId}`, { body: {} });
  const session = body.session as string;
  return { session, page: `/auth/m.login.password/fallback/web?session=${session}` };
}

forEachHomeserver('fallback pages', ({ test }) => {
  test('Alice enters her password in a browser', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const phone = await homeserver.anotherDeviceOf(alice);
    const { session, page } = await pageFor(alice, phone.deviceId);
    const shown = await homeserver.request('GET', page);
    assert.equal(shown.status, 200);
    assert.match(String(shown.headers['content-type']), /^text\/html/);
    assert.match(String(shown.headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
    assert.match(String(shown.body), /<input name="password" type="password"/);

    const typed = (password: string) =>
      homeserver.request('POST', page, { headers: form, body: String(new URLSearchParams({ user: alice.localpart, password })) });
    const wrong = await typed('<script>alert(1)</script>');
    assert.equal(wrong.status, 401);
    assert.match(String(wrong.body), /Invalid username or password/);
    const right = await typed(alice.password);
    assert.equal(right.status, 200);
    assert.match(String(right.body), /window\.onAuthDone\(\)/);
    assert.match(String((await homeserver.request('GET', page)).body), /window\.onAuthDone\(\)/);
    await alice.ask('DELETE', `/devices/${phone.deviceId}`, { body: { auth: { session } } });
    await phone.isRefused('GET', '/account/whoami', { status: 401, errcode: 'M_UNKNOWN_TOKEN' });
  });

  test("Bob's password does not confirm what Alice does", async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const bob = await homeserver.person('bob');
    const { page } = await pageFor(alice, alice.deviceId);
    const body = String(new URLSearchParams({ user: bob.localpart, password: bob.password }));
    assert.equal((await homeserver.request('POST', page, { headers: form, body })).status, 401);
  });

  test('there is no page for a session or a stage that is not', async ({ homeserver }) => {
    const unknown = await homeserver.request('GET', '/auth/m.login.password/fallback/web?session=made-up');
    assert.equal(unknown.status, 400);
    assert.match(String(unknown.body), /start again/);
    const stage = await homeserver.request('GET', '/auth/org.example.dance/fallback/web?session=made-up');
    assert.deepEqual({ status: stage.status, errcode: stage.body.errcode }, { status: 404, errcode: 'M_UNRECOGNIZED' });
  });
});
