import assert from 'node:assert/strict';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { serveServers, type AskingServer } from '../servers.fixture.ts';
import { profilesFederation } from './profiles.federation.ts';
import { Profiles } from './profiles.ts';
import { ProfilePropagation } from './propagate-profile.ts';

async function asElsewhere(homeserver: TestHomeserver, story: (server: AskingServer) => Promise<void>): Promise<void> {
  const { needs } = homeserver.server;
  const accounts = {
    exists: async (userId: string) => !userId.startsWith('@nobody'),
  };
  const profiles = new Profiles({ ...needs, accounts }, new ProfilePropagation(needs));
  const servers = await serveServers(homeserver, profilesFederation({ ...needs, profiles }));
  try {
    await story(servers.as('elsewhere.example'));
  } finally {
    await servers.stop();
  }
}

forEachHomeserver('profiles for other servers', ({ test, testWith }) => {
  test("another server is told Alice's profile, or one field of it", async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    await alice.put(`/profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'Alice' });
    await alice.put(`/profile/${encodeURIComponent(alice.userId)}/m.tz`, { 'm.tz': 'Europe/Rome' });
    await asElsewhere(homeserver, async (server) => {
      const ask = (field?: string): Promise<unknown> =>
        server.gets('/v1/query/profile', { user_id: alice.userId, ...(field !== undefined && { field }) });
      assert.deepEqual(await ask(), { displayname: 'Alice', 'm.tz': 'Europe/Rome' });
      assert.deepEqual(await ask('displayname'), { displayname: 'Alice' });
      assert.deepEqual(await ask('avatar_url'), {});
      const isRefused = (userId: string, error: { status: number; errcode: string }): Promise<void> =>
        server.isRefused('/v1/query/profile', error, { user_id: userId });
      await isRefused('@nobody:hive.example', { status: 404, errcode: 'M_NOT_FOUND' });
      await isRefused('@rob:elsewhere.example', { status: 400, errcode: 'M_INVALID_PARAM' });
    });
  });

  testWith(
    'a server may keep profiles to itself',
    { config: { allow_profile_lookup_over_federation: false } },
    async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      await asElsewhere(homeserver, (server) =>
        server.isRefused('/v1/query/profile', { status: 403, errcode: 'M_FORBIDDEN' }, { user_id: alice.userId }),
      );
    },
  );
});
