import assert from 'node:assert/strict';

import { endpoint } from '@myelin/protocol/api';
import { parseExactJson } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';
import { verifyText } from '@myelin/protocol/signatures';
import { forEachDatabase } from '@myelin/testing/databases';
import { Type } from 'typebox';

import remoteServers from '../../migrations/0100-remote-servers.ts';
import { RemoteError, type RemoteFailure } from '../index.ts';
import { hive, inWorld } from '../remote-servers.fixture.ts';
import { readXMatrix } from './authorization-header.ts';
import { requestText } from './signed-request.ts';

const greet = endpoint({
  id: 'greet',
  method: 'PUT',
  path: '/_matrix/federation/v1/greet/:whom',
  auth: 'server',
  params: Type.Object({ whom: Type.String() }),
  query: Type.Object({ ver: Type.Array(Type.String()) }),
  body: Type.Object({ word: Type.String() }),
  response: Type.Object({ thanks: Type.Boolean() }),
});
const path = '/_matrix/federation/v1/greet/!bee%3Ahive.test';
const input = { params: { whom: '!bee:hive.test' }, query: { ver: ['1', '2'] }, body: { word: 'hello' } };

const fails = (
  answer: Promise<unknown>,
  failure: RemoteFailure,
  details: Partial<Pick<RemoteError, 'status' | 'errcode' | 'retryAfterMs'>> = {},
): Promise<void> =>
  assert.rejects(answer, (error) => {
    assert.ok(error instanceof RemoteError, String(error));
    assert.equal(error.failure, failure, error.message);
    const { status, errcode, retryAfterMs } = error;
    assert.partialDeepStrictEqual({ status, errcode, retryAfterMs }, details);
    return true;
  });

forEachDatabase(
  'requests to other servers',
  ({ test }) => {
    test('a request is signed as the other server will check it', ({ database }) =>
      inWorld(database, async ({ remote, server }) => {
        const nest = await server('nest.test');
        const seen: { authorization: string; uri: string; body: unknown }[] = [];
        nest.answers.set(path, ({ headers, url }, body: unknown) => {
          seen.push({ authorization: headers.authorization ?? '', uri: url ?? '', body });
          return { thanks: true };
        });
        assert.deepEqual(await remote.request(nest.name, greet, input), { thanks: true });
        const [request] = seen;
        assert.deepEqual([request?.uri, request?.body], [`${path}?ver=1&ver=2`, { word: 'hello' }]);
        const credentials = readXMatrix(request?.authorization ?? '');
        assert.ok(credentials);
        assert.deepEqual([credentials.origin, credentials.destination], [hive, 'nest.test']);
        const text = requestText({
          method: 'PUT',
          uri: request?.uri ?? '',
          origin: hive,
          destination: nest.name,
          content: request?.body,
        });
        assert.ok(verifyText(text, credentials.signature, remote.ownKeys.signingKey.publicKey));
        assert.partialDeepStrictEqual(nest.site.requests.at(-1), { host: 'nest.test', sni: 'nest.test' });
      }));

    test('errors are told with their code; answers that break the contract, or are no JSON, are none', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        const answers = (answer: object) => nest.answers.set(path, () => answer);
        const ask = () => remote.request(nest.name, greet, input, { maxBytes: 10_000 });
        answers({ status: 403, errcode: 'M_FORBIDDEN', error: 'no bees' });
        await fails(ask(), 'refused', { status: 403, errcode: 'M_FORBIDDEN' });
        answers({ status: 429, errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1_234 });
        await fails(ask(), 'refused', { status: 429, retryAfterMs: 1_234 });
        answers({ thanks: 'much' });
        await fails(ask(), 'bad-answer');
        answers({ thanks: true, more: 'x'.repeat(20_000) });
        await fails(ask(), 'bad-answer');
        await fails(
          remote.ask(nest.name, { method: 'GET', path: '/_matrix/key/v2/server' }, { parse: () => JSON.parse('{') as unknown }),
          'bad-answer',
        );
        // What answers in Matrix's words is alive, whatever it says.
        answers({ status: 500, errcode: 'M_UNKNOWN', error: 'a bug' });
        await fails(ask(), 'refused', { status: 500 });
        assert.ok(await remote.health.mayTry(nest.name));
        clock.advance(1);
        answers({ status: 502 });
        await fails(ask(), 'refused', { status: 502 });
        assert.ok(!(await remote.health.mayTry(nest.name)));
      }));

    test('a server that is down is left alone, until somebody insists or it is heard of', ({ database }) =>
      inWorld(database, async ({ remote, server, clock, resolver, reopen }) => {
        const nest = await server('nest.test');
        nest.answers.set(path, () => ({ thanks: true }));
        await remote.request(nest.name, greet, input);
        const { port } = nest.site;
        resolver.service('_matrix-fed._tcp.nest.test', { name: 'nest.test', port: 1 });
        clock.advance(3_600_000);
        await fails(remote.request(nest.name, greet, input), 'unreachable');
        await fails(remote.request(nest.name, greet, input), 'backing-off');
        clock.advance(1);
        await fails(remote.request(nest.name, greet, input, { ignoreBackoff: true }), 'unreachable');
        await remote.health.settled();
        await fails(reopen().request(nest.name, greet, input), 'backing-off');
        resolver.service('_matrix-fed._tcp.nest.test', { name: 'nest.test', port });
        remote.health.heardFrom(nest.name);
        assert.deepEqual(await remote.request(nest.name, greet, input), { thanks: true });
        assert.equal((await remote.health.of(nest.name)).failingSince, undefined);
      }));

    test('a name without a server, a wrong certificate, a blocked address, a stranger to the whitelist', ({ database }) =>
      inWorld(database, async ({ remote, server, resolver, reopen }) => {
        const nest = await server('nest.test');
        await fails(remote.request('nowhere.test' as ServerName, greet, input), 'unreachable');
        resolver
          .host('fake.test', '127.0.0.1')
          .service('_matrix-fed._tcp.fake.test', { name: 'nest.test', port: nest.site.port });
        await fails(remote.request('fake.test' as ServerName, greet, input), 'unreachable');
        const unverified = reopen({ federation_certificate_verification_whitelist: ['f*.test'] });
        await fails(unverified.request('fake.test' as ServerName, greet, input), 'refused', { status: 404 });
        await fails(remote.request(hive, greet, input), 'not-allowed');
        await fails(reopen({ ip_range_blacklist: ['127.0.0.0/8'] }).request(nest.name, greet, input), 'not-allowed');
        const choosy = reopen({ federation_domain_whitelist: ['meadow.test'] });
        await fails(choosy.request(nest.name, greet, input), 'not-allowed');
        assert.ok(choosy.federatesWith('meadow.test' as ServerName));
      }));

    test('somebody who waits has a failed request tried again, at once and in vain only so often', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        let asked = 0;
        nest.answers.set(path, () => (++asked < 3 ? { status: 503 } : { thanks: true }));
        const ended = { yes: false };
        const answer = remote.request(nest.name, greet, input, { retry: 'short' }).finally(() => (ended.yes = true));
        while (!ended.yes) {
          await new Promise(setImmediate);
          if (clock.pending > 0 && asked > 0 && asked < 3) clock.advance(100);
        }
        assert.deepEqual(await answer, { thanks: true });
        assert.equal(asked, 3);
      }));

    test('a large answer can be read as a stream, and numbers as they were written', ({ database }) =>
      inWorld(database, async ({ remote, server }) => {
        const nest = await server('nest.test');
        nest.answers.set('/large', () => ({ list: Array.from({ length: 50_000 }, (_, index) => index) }));
        const { body } = await remote.stream(nest.name, { method: 'GET', path: '/large' });
        let size = 0;
        for await (const chunk of body as AsyncIterable<Buffer>) size += chunk.length;
        assert.ok(size > 250_000);
        nest.answers.set('/numbers', () => ({ half: 0.5 }));
        const exact = await remote.ask(nest.name, { method: 'GET', path: '/numbers' }, { parse: parseExactJson });
        assert.equal(JSON.stringify(exact), '{"half":0.5}');
      }));
  },
  [remoteServers],
);
