import assert from 'node:assert/strict';

import { forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { serveServers, type AskingServer } from '../servers.fixture.ts';
import { Aliases } from './aliases.ts';
import { PublishedRooms } from './published-rooms.ts';
import { noRemoteDirectory } from './remote-directory.ts';
import { roomDirectoryFederation } from './room-directory.federation.ts';

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };

async function asElsewhere(homeserver: TestHomeserver, story: (server: AskingServer) => Promise<void>): Promise<void> {
  const needs = { ...homeserver.server.needs, remote: noRemoteDirectory };
  const routes = roomDirectoryFederation({ ...needs, aliases: new Aliases(needs), published: new PublishedRooms(needs) });
  const servers = await serveServers(homeserver, routes);
  try {
    await story(servers.as('elsewhere.example'));
  } finally {
    await servers.stop();
  }
}

forEachHomeserver(
  'the directory for other servers',
  ({ test }) => {
    test('another server finds the room behind an alias', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const localpart = `tea-${alice.localpart}`;
      const room = await alice.createsRoom({ preset: 'public_chat', room_alias_name: localpart });
      await asElsewhere(homeserver, async (server) => {
        const found = await server.gets('/v1/query/directory', { room_alias: `#${localpart}:hive.example` });
        assert.deepEqual(found, { room_id: room, servers: ['hive.example'] });
        const ask = (alias: string, error: { status: number; errcode: string }): Promise<void> =>
          server.isRefused('/v1/query/directory', error, { room_alias: alias });
        await ask('#nobody:hive.example', { status: 404, errcode: 'M_NOT_FOUND' });
        await ask('#tea:elsewhere.example', { status: 400, errcode: 'M_INVALID_PARAM' });
        await ask('no alias', { status: 400, errcode: 'M_INVALID_PARAM' });
      });
    });

    test('the directory is shown, searched and paged', async ({ homeserver }) => {
      const alice = await homeserver.person('alice');
      const [tea, coffee] = [
        await alice.createsRoom({ preset: 'public_chat', visibility: 'public', name: 'Tea' }),
        await alice.createsRoom({ preset: 'public_chat', visibility: 'public', name: 'Coffee' }),
      ];
      await asElsewhere(homeserver, async (server) => {
        const all = await server.gets('/v1/publicRooms');
        assert.deepEqual(new Set(all.chunk.map(({ room_id: id }: { room_id: string }) => id)), new Set([tea, coffee]));
        const first = await server.gets('/v1/publicRooms', { limit: 1 });
        const second = await server.gets('/v1/publicRooms', { limit: 1, since: first.next_batch });
        assert.notEqual(second.chunk[0].room_id, first.chunk[0].room_id);
        const negative = await server.asks('GET', '/v1/publicRooms?limit=-2');
        assert.deepEqual([negative.status, negative.body.errcode], [400, 'M_INVALID_PARAM']);
        const searched = await server.asks('POST', '/v1/publicRooms', { body: { filter: { generic_search_term: 'tea' } } });
        assert.deepEqual(
          searched.body.chunk.map(({ name }: { name: string }) => name),
          ['Tea'],
        );
      });
    });
  },
  { config: { allow_public_rooms_over_federation: true, room_list_publication_rules: [{ action: 'allow' }] } },
);

forEachHomeserver('the directory of a server as it is set up', ({ test }) => {
  test('a server keeps its directory to itself unless told otherwise', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    await alice.createsRoom({ preset: 'public_chat', name: 'Tea' });
    await asElsewhere(homeserver, async (server) => {
      await server.isRefused('/v1/publicRooms', forbidden);
      assert.equal((await server.asks('POST', '/v1/publicRooms', { body: {} })).status, 403);
    });
  });
});
