import assert from 'node:assert/strict';

import { forEachHomeserver } from '@myelin/testing/homeserver';

forEachHomeserver('what a server says of itself', ({ test, testWith }) => {
  test('a client learns the versions of the specification and what it may do here', async ({ homeserver }) => {
    const { body: versions } = await homeserver.request('GET', '/_matrix/client/versions');
    assert.ok(versions.versions.includes('v1.19') && versions.versions.includes('r0.6.1'));
    assert.equal(versions.unstable_features['org.matrix.msc4222'], true);
    assert.equal(versions.unstable_features['org.matrix.msc3814'], true);
    const alice = await homeserver.person('alice');
    const { capabilities } = await alice.get('/capabilities');
    assert.equal(capabilities['m.room_versions'].default, '12');
    assert.deepEqual(Object.keys(capabilities['m.room_versions'].available), '1 2 3 4 5 6 7 8 9 10 11 12'.split(' '));
    for (const name of ['m.change_password', 'm.set_displayname', 'm.set_avatar_url', 'm.profile_fields']) {
      assert.equal(capabilities[name].enabled, true, name);
    }
    for (const name of ['m.3pid_changes', 'm.get_login_token', 'm.forget_forced_upon_leave']) {
      assert.equal(capabilities[name].enabled, false, name);
    }
    const stranger = await homeserver.request('GET', '/capabilities');
    assert.deepEqual([stranger.status, stranger.body.errcode], [401, 'M_MISSING_TOKEN']);
  });

  testWith(
    'users are told whom their server federates with, where it tells',
    { config: { federation_whitelist_endpoint_enabled: true, federation_domain_whitelist: ['nest.example'] } },
    async ({ homeserver }) => {
      const path = '/_synapse/client/v1/config/federation_whitelist';
      const alice = await homeserver.person('alice');
      assert.deepEqual(await alice.get(path), { whitelist_enabled: true, whitelist: ['nest.example'] });
      assert.equal((await homeserver.request('GET', path)).body.errcode, 'M_MISSING_TOKEN');
    },
  );

  testWith(
    'who federates with everybody says so',
    { config: { federation_whitelist_endpoint_enabled: true } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const answer = await alice.get('/_synapse/client/v1/config/federation_whitelist');
      assert.deepEqual(answer, { whitelist_enabled: false, whitelist: [] });
    },
  );

  test('without being asked to, a server does not say whom it federates with', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { status } = await alice.request('GET', '/_synapse/client/v1/config/federation_whitelist');
    assert.equal(status, 404);
  });

  testWith(
    'what an operator switches is what clients are told',
    {
      config: {
        password_config: { localdb_enabled: false },
        enable_set_displayname: false,
        forget_rooms_on_leave: true,
        login_via_existing_session: { enabled: true },
        default_room_version: '11',
      },
    },
    async ({ homeserver }) => {
      const admin = await homeserver.admin('alice');
      const { capabilities } = await admin.get('/capabilities');
      assert.equal(capabilities['m.room_versions'].default, '11');
      assert.equal(capabilities['m.change_password'].enabled, false);
      assert.equal(capabilities['m.set_displayname'].enabled, false);
      assert.deepEqual(capabilities['m.profile_fields'], { enabled: true, disallowed: ['displayname'] });
      assert.equal(capabilities['m.forget_forced_upon_leave'].enabled, true);
      assert.equal(capabilities['m.get_login_token'].enabled, true);
    },
  );

  test('other servers learn what runs here, and that it answers no questions but those of the specification', async ({
    homeserver,
  }) => {
    const { status, body } = await homeserver.request('GET', '/_matrix/federation/v1/version');
    assert.equal(status, 200);
    assert.equal(body.server.name, 'Myelin');
    assert.match(body.server.version, /^\d+\.\d+/);
    const unproven = await homeserver.request('GET', '/_matrix/federation/v1/query/weather');
    assert.deepEqual([unproven.status, unproven.body.errcode], [401, 'M_UNAUTHORIZED']);
    const unknown = await homeserver.request('GET', '/_matrix/federation/v1/weather');
    assert.deepEqual([unknown.status, unknown.body.errcode], [404, 'M_UNRECOGNIZED']);
    const wrongWay = await homeserver.request('DELETE', '/_matrix/federation/v1/version');
    assert.deepEqual([wrongWay.status, wrongWay.body.errcode], [405, 'M_UNRECOGNIZED']);
  });

  test('files that nobody asked for are not there, in JSON', async ({ homeserver }) => {
    for (const name of ['client', 'server', 'support']) {
      const { status, body } = await homeserver.request('GET', `/.well-known/matrix/${name}`);
      assert.deepEqual([status, body.errcode], [404, 'M_NOT_FOUND'], name);
    }
  });

  testWith(
    'clients, servers and people find the server by its name',
    {
      config: {
        public_baseurl: 'https://matrix.hive.example/',
        serve_client_wellknown: true,
        serve_server_wellknown: true,
        extra_well_known_client_content: { 'org.example.theme': 'bees' },
        well_known_support: {
          contacts: [{ role: 'm.role.admin', matrix_id: '@queen:hive.example' }],
          support_page: 'https://hive.example/help',
        },
      },
    },
    async ({ homeserver }) => {
      const read = async (name: string) => {
        const answer = await homeserver.request('GET', `/.well-known/matrix/${name}`);
        assert.equal(answer.status, 200, name);
        assert.equal(answer.headers['access-control-allow-origin'], '*', name);
        return answer.body;
      };
      assert.deepEqual(await read('client'), {
        'm.homeserver': { base_url: 'https://matrix.hive.example/' },
        'org.example.theme': 'bees',
      });
      const { userId: user, password } = await homeserver.person('alice');
      const login = await homeserver.request('POST', '/login', { body: { type: 'm.login.password', user, password } });
      assert.deepEqual(login.body.well_known, { 'm.homeserver': { base_url: 'https://matrix.hive.example/' } });
      assert.deepEqual(await read('server'), { 'm.server': 'hive.example:443' });
      assert.deepEqual(await read('support'), {
        contacts: [{ role: 'm.role.admin', matrix_id: '@queen:hive.example' }],
        support_page: 'https://hive.example/help',
      });
    },
  );

  test('a person with a browser sees that it runs, and loads nothing from elsewhere', async ({ homeserver }) => {
    const page = await homeserver.request('GET', '/');
    assert.match(String(page.body), /Running[\s\S]*@name:hive\.example[\s\S]*Element/);
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
    assert.equal((await homeserver.request('GET', '/health')).body, 'OK');
  });
});
