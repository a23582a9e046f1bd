import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, suite, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { gzipSync } from 'node:zlib';

import { createCertificateAuthority, startTlsSite, TestResolver } from '@myelin/testing/network';

import { createTestClock, systemClock } from '../clock.ts';
import { createAddressPolicy } from './address-policy.ts';
import type { OutgoingTarget } from './connector.ts';
import { createOutgoingClient, type OutgoingRequest } from './outgoing-client.ts';
import { OutgoingError, type OutgoingFailure } from './outgoing-error.ts';

const authority = createCertificateAuthority();
const get: OutgoingRequest = { method: 'GET', path: '/', timeoutMs: 5_000, maxBytes: 10_000 };

suite('outgoing requests', async () => {
  const resolver = new TestResolver();
  const needs = {
    clock: systemClock,
    resolver,
    policy: createAddressPolicy({ blocked: ['127.0.0.0/24', '10.0.0.0/8'], allowed: ['127.0.0.2/32'] }),
    secureContext: () => createSecureContext({ ca: authority.certificate }),
    userAgent: 'Myelin',
  };
  const client = createOutgoingClient(needs);
  const site = await startTlsSite(
    authority.issue(['hive.test', '127.0.0.2']),
    (request, response) => {
      if (request.url === '/large') response.end('x'.repeat(20_000));
      else if (request.url === '/packed') response.setHeader('content-encoding', 'gzip').end(gzipSync('honey'));
      else if (request.url === '/bomb') response.setHeader('content-encoding', 'gzip').end(gzipSync('x'.repeat(1_000_000)));
      else if (request.url === '/broken') response.setHeader('content-encoding', 'gzip').end('not gzip');
      else if (request.url === '/slow-head') return;
      else if (request.url === '/slow-body') response.write('and then');
      else if (request.url === '/around') response.writeHead(302, { location: '/around' }).end();
      else if (request.url === '/down') response.writeHead(302, { location: 'http://hive.test/' }).end();
      else if (request.url === '/inside') response.writeHead(302, { location: 'https://10.0.0.1/' }).end();
      else if (request.url === '/on') response.writeHead(302, { location: '/packed' }).end();
      else response.end('hello');
    },
    { address: '127.0.0.2' },
  );
  resolver.host('hive.test', '127.0.0.2').host('stranger.test', '127.0.0.2').host('inside.test', '10.0.0.1', '127.0.0.1');
  resolver.fails('broken.test');
  after(async () => {
    await client.close();
    await site.close();
  });

  const target = (host: string, more: Partial<OutgoingTarget> = {}): OutgoingTarget => ({
    secure: true,
    host,
    port: site.port,
    hostHeader: host,
    certificateName: host,
    verifyCertificate: true,
    ...more,
  });
  const fails = async (answer: Promise<unknown>, failure: OutgoingFailure): Promise<void> => {
    await assert.rejects(answer, (error) => error instanceof OutgoingError && (assert.equal(error.failure, failure), true));
  };

  test('a name leads to its address, with the name in Host and SNI; the connection is kept', async () => {
    assert.equal((await client.send(target('hive.test'), get)).body.toString(), 'hello');
    await new Promise(setImmediate);
    const before = site.connections;
    assert.equal((await client.send(target('hive.test'), get)).body.toString(), 'hello');
    assert.equal(site.connections, before);
    assert.partialDeepStrictEqual(site.requests.at(-1), { host: 'hive.test', sni: 'hive.test' });
  });

  test('an address is asked for no name, and its certificate names the address', async () => {
    const { certificateName: _none, ...byAddress } = target('127.0.0.2');
    assert.equal((await client.send(byAddress, get)).status, 200);
    assert.equal(site.requests.at(-1)?.sni, undefined);
  });

  test('a certificate for another name, or of an unknown authority, is refused unless nobody asks', async () => {
    await fails(client.send(target('stranger.test'), get), 'certificate');
    assert.equal((await client.send(target('stranger.test', { verifyCertificate: false }), get)).status, 200);
    const distrustful = createOutgoingClient({
      ...needs,
      secureContext: () => createSecureContext({ ca: createCertificateAuthority().certificate }),
    });
    await fails(distrustful.send(target('hive.test'), get), 'certificate');
    await distrustful.close();
  });

  test('addresses inside are never connected to, by name or by number', async () => {
    await fails(client.send(target('inside.test'), get), 'blocked');
    await fails(client.send({ ...target('127.0.0.1') }, get), 'blocked');
    await fails(client.send({ ...target('::ffff:127.0.0.1') }, get), 'blocked');
    await fails(client.sendTo('https://[::ffff:10.0.0.1]/', { ...get, maxRedirects: 0 }), 'blocked');
  });

  test('a name that changes to an address inside after the first request is not followed there', async () => {
    const rebinding = new TestResolver().host('hive.test', '127.0.0.2');
    const own = createOutgoingClient({ ...needs, resolver: rebinding });
    assert.equal((await own.send(target('hive.test'), { ...get, headers: { connection: 'close' } })).status, 200);
    rebinding.host('hive.test', '127.0.0.1');
    await fails(own.send(target('hive.test'), get), 'blocked');
    await own.close();
  });

  test('of several addresses the allowed ones are used', async () => {
    resolver.host('mixed.test', '10.0.0.1', '127.0.0.2');
    assert.equal((await client.send(target('mixed.test', { certificateName: 'hive.test' }), get)).status, 200);
  });

  test('names that do not exist, and ports that nobody listens at', async () => {
    await fails(client.send(target('nowhere.test'), get), 'name');
    await fails(client.send(target('broken.test'), get), 'name');
    await fails(client.send(target('hive.test', { port: 1 }), get), 'connection');
  });

  test('large answers are cut off, compressed ones counted as they are once unpacked', async () => {
    await fails(client.send(target('hive.test'), { ...get, path: '/large' }), 'too-large');
    await fails(client.send(target('hive.test'), { ...get, path: '/bomb' }), 'too-large');
    await fails(client.send(target('hive.test'), { ...get, path: '/broken' }), 'malformed');
    assert.equal((await client.send(target('hive.test'), { ...get, path: '/packed' })).body.toString(), 'honey');
  });

  test('who takes too long over head or body is given up on, and so is what its caller gives up', async () => {
    for (const path of ['/slow-head', '/slow-body']) {
      const clock = createTestClock();
      const own = createOutgoingClient({ ...needs, clock });
      const before = site.requests.length;
      const answer = own.send(target('hive.test'), { ...get, path });
      const outcome = fails(answer, 'timeout');
      while (site.requests.length === before) await new Promise(setImmediate);
      clock.advance(5_000);
      await outcome;
      await own.close();
    }
    const controller = new AbortController();
    const answer = client.send(target('hive.test'), { ...get, path: '/slow-head', signal: controller.signal });
    controller.abort();
    await fails(answer, 'cancelled');
  });

  test('redirects are followed as far as allowed, never to plain HTTP and never inside', async () => {
    const url = (path: string) => `https://hive.test:${site.port}${path}`;
    const follow = { timeoutMs: 5_000, maxBytes: 10_000, maxRedirects: 3 };
    const answer = await client.sendTo(url('/on'), follow);
    assert.deepEqual([answer.body.toString(), answer.url], ['honey', url('/packed')]);
    assert.equal((await client.sendTo(url('/on'), { ...follow, maxRedirects: 0 })).status, 302);
    await fails(client.sendTo(url('/around'), follow), 'redirect');
    await fails(client.sendTo(url('/down'), follow), 'redirect');
    await fails(client.sendTo(url('/inside'), follow), 'blocked');
  });

  test('what is no HTTP is no answer', async () => {
    const babbler = createServer((socket) => socket.on('error', () => undefined).write('SSH-2.0-OpenSSH\r\n'));
    after(() => babbler.close());
    await new Promise<void>((resolve) => babbler.listen(0, '127.0.0.2', resolve));
    const { port } = babbler.address() as { port: number };
    await fails(client.send(target('hive.test', { secure: false, port }), get), 'malformed');
    await fails(client.send(target('hive.test', { port }), get), 'certificate');
  });

  test('failures are counted by kind', () => {
    assert.ok(client.counts.requests > 20);
    assert.equal(client.counts.failures['too-large'], 2);
    assert.ok(client.counts.failures.blocked >= 5);
  });
});
