import assert from 'node:assert/strict';

import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing';

import { createTestClock } from '../../platform/clock.ts';
import { OpenIdTokens } from './openid-tokens.ts';

const userInfo = '/_matrix/federation/v1/openid/userinfo';

async function tokenOf(person: Person): Promise<any> {
  return person.post(`/user/${encodeURIComponent(person.userId)}/openid/request_token`);
}

async function isNobodys(homeserver: TestHomeserver, token: string): Promise<void> {
  const { status, body } = await homeserver.request('GET', userInfo, { query: { access_token: token } });
  assert.deepEqual([status, body.errcode], [401, 'M_UNKNOWN_TOKEN']);
}

forEachHomeserver('OpenID tokens', ({ test }) => {
  test('a widget learns who Alice is by her token, and can do nothing else with it', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const token = await tokenOf(alice);
    assert.deepEqual(
      { ...token, access_token: '' },
      { access_token: '', token_type: 'Bearer', matrix_server_name: 'hive.example', expires_in: 3600 },
    );
    const told = await homeserver.request('GET', userInfo, { query: { access_token: token.access_token } });
    assert.deepEqual([told.status, told.body], [200, { sub: alice.userId }]);
    const asClient = await homeserver.request('GET', '/account/whoami', { token: token.access_token });
    assert.deepEqual([asClient.status, asClient.body.errcode], [401, 'M_UNKNOWN_TOKEN']);
  });

  test('nobody gets a token for another, and what is none tells nothing', async ({ homeserver }) => {
    const [alice, mallory] = [await homeserver.person('alice'), await homeserver.person('mallory')];
    const path = `/user/${encodeURIComponent(alice.userId)}/openid/request_token`;
    await mallory.isRefused('POST', path, { status: 403, errcode: 'M_FORBIDDEN' }, { body: {} });
    await isNobodys(homeserver, 'made-up');
    await isNobodys(homeserver, alice.token);
    const { status, body } = await homeserver.request('GET', userInfo);
    assert.deepEqual([status, body.errcode], [401, 'M_MISSING_TOKEN']);
  });

  test('a token ends after an hour, and with the account', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { access_token: token } = await tokenOf(alice);
    await alice.post('/account/deactivate', {
      auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: alice.password },
    });
    await isNobodys(homeserver, token);

    const { needs } = homeserver.server;
    const clock = createTestClock();
    const tokens = new OpenIdTokens({ ...needs, clock, accounts: { isDeactivated: async () => false } });
    const bob = await homeserver.person('bob');
    const userNid = await needs.names.idOf(bob.userId);
    const ofBob = await tokens.make(userNid);
    clock.advance(3_599_999);
    assert.equal(await tokens.ownerOf(ofBob), bob.userId);
    clock.advance(1);
    assert.equal(await tokens.ownerOf(ofBob), undefined);
    await tokens.removeExpired();
  });
});
