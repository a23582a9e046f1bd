import assert from 'node:assert/strict';

import { MatrixError } from '@myelin/protocol/errors';
import { forEachDatabase } from '@myelin/testing/databases';

import remoteServers from '../migrations/0100-remote-servers.ts';
import { hive, inWorld } from './remote-servers.fixture.ts';

const uri = '/_matrix/federation/v1/send/1?x=%20';
const content = { pdus: [], edus: [{ edu_type: 'm.typing', content: {} }] };

const refused = (answer: Promise<unknown>, status: number, errcode: string, reason: RegExp): Promise<void> =>
  assert.rejects(answer, (error) => {
    assert.ok(error instanceof MatrixError, String(error));
    assert.deepEqual([error.status, error.errcode], [status, errcode]);
    assert.match(error.message, reason);
    return true;
  });

forEachDatabase(
  'who asks',
  ({ test }) => {
    test('a signed request proves its server, and that the server is alive', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        remote.health.failed(nest.name, clock.monotonic() + 1);
        assert.ok(!(await remote.health.mayTry(nest.name)));
        const request = { method: 'PUT', uri, content, ip: '192.0.2.1' };
        const header = nest.authorization({ method: 'PUT', uri, destination: hive, content });
        const requester = await remote.authenticator.authenticate({ ...request, authorization: [header] });
        assert.deepEqual(requester, { kind: 'server', origin: 'nest.test' });
        assert.ok(await remote.health.mayTry(nest.name));
        // An old server names no destination, but signs it; one with a new key may sign with both.
        const without = header.replace(/destination="[^"]*",/, '');
        await remote.authenticator.authenticate({ ...request, authorization: [without] });
        const unknownKey = header.replace(/key="[^"]*"/, 'key="ed25519:next"');
        await remote.authenticator.authenticate({ ...request, authorization: [unknownKey, header] });
      }));

    test('anything else is refused', ({ database }) =>
      inWorld(database, async ({ remote, server, clock, reopen }) => {
        const [nest, meadow] = [await server('nest.test'), await server('meadow.test')];
        const header = nest.authorization({ method: 'PUT', uri, destination: hive, content });
        const ask = (authorization: readonly string[], change: object = {}, on = remote) =>
          on.authenticator.authenticate({ method: 'PUT', uri, content, ip: '192.0.2.1', authorization, ...change });
        await refused(ask([]), 401, 'M_UNAUTHORIZED', /Missing Authorization/);
        await refused(ask(['Bearer abc']), 401, 'M_UNAUTHORIZED', /X-Matrix/);
        await refused(ask([header, 'X-Matrix nonsense']), 401, 'M_UNAUTHORIZED', /X-Matrix/);
        await refused(ask([header], { method: 'POST' }), 401, 'M_UNAUTHORIZED', /not right/);
        await refused(ask([header], { uri: '/_matrix/federation/v1/send/2' }), 401, 'M_UNAUTHORIZED', /not right/);
        await refused(ask([header], { content: { ...content, pdus: [1] } }), 401, 'M_UNAUTHORIZED', /not right/);
        await refused(ask([header], { content: undefined }), 401, 'M_UNAUTHORIZED', /not right/);
        await refused(ask([header.replace('nest.test', 'meadow.test')]), 401, 'M_UNAUTHORIZED', /not known|not right/);
        await refused(ask([header.replace('nest.test', 'nowhere.test')]), 401, 'M_UNAUTHORIZED', /not known/);
        await refused(ask([header.replace('nest.test', hive)]), 401, 'M_UNAUTHORIZED', /to itself/);
        const both = [header, meadow.authorization({ method: 'PUT', uri, destination: hive, content })];
        await refused(ask(both), 401, 'M_UNAUTHORIZED', /several servers/);
        await refused(
          ask([header], {}, reopen({ federation_domain_whitelist: ['meadow.test'] })),
          403,
          'M_FORBIDDEN',
          /federate/,
        );

        // What was signed for another server is no use here, said or unsaid.
        const forMeadow = nest.authorization({ method: 'PUT', uri, destination: 'meadow.test', content });
        await refused(ask([forMeadow]), 401, 'M_UNAUTHORIZED', /for meadow\.test/);
        await refused(ask([forMeadow.replace('destination="meadow.test",', '')]), 401, 'M_UNAUTHORIZED', /not right/);
        await refused(ask([forMeadow.replace('meadow.test', hive)]), 401, 'M_UNAUTHORIZED', /not right/);

        // A key that was put away proves nothing any more.
        await ask([header]);
        nest.rotatesItsKey('new', clock.now());
        clock.advance(8 * 86_400_000);
        nest.validUntil = clock.now() + 86_400_000;
        await refused(ask([header]), 401, 'M_UNAUTHORIZED', /not valid any more/);
        await ask([nest.authorization({ method: 'PUT', uri, destination: hive, content })]);
      }));

    test('numbers are checked as they were written', ({ database }) =>
      inWorld(database, async ({ remote, server }) => {
        const nest = await server('nest.test');
        // As a server in Python signs it; JavaScript would write 1.
        const { parseExactJson } = await import('@myelin/protocol/canonical-json');
        const contentText = '{"pdus":[{"w":1.0}]}';
        const authorization = [
          nest.authorization({ method: 'PUT', uri, destination: hive, content: parseExactJson(contentText) }),
        ];
        const request = { method: 'PUT', uri, ip: '192.0.2.1', authorization, content: JSON.parse(contentText) as unknown };
        await remote.authenticator.authenticate({ ...request, contentText });
        await refused(remote.authenticator.authenticate(request), 401, 'M_UNAUTHORIZED', /not right/);
      }));
  },
  [remoteServers],
);
