import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { createSecureContext } from 'node:tls';

import {
  createCertificateAuthority,
  startForwardProxy,
  startTlsSite,
  TestResolver,
  type ForwardProxy,
  type TlsSite,
} from '@myelin/testing/network';

import { systemClock } from '../../clock.ts';
import { createAddressPolicy } from '../address-policy.ts';
import type { OutgoingTarget } from '../connector.ts';
import { createOutgoingClient, type OutgoingClient, type OutgoingRequest } from '../outgoing-client.ts';
import { OutgoingError } from '../outgoing-error.ts';
import { chooseProxy, type ProxySettings } from './index.ts';

const authority = createCertificateAuthority();
const get: OutgoingRequest = { method: 'GET', path: '/honey?is=sweet', timeoutMs: 5_000, maxBytes: 10_000 };
const none: ProxySettings = { http_proxy: null, https_proxy: null, no_proxy_hosts: [] };

const through = (host: string, more: Partial<OutgoingTarget> = {}): OutgoingTarget => ({
  secure: true,
  host,
  port: 8448,
  hostHeader: host,
  certificateName: host,
  verifyCertificate: true,
  ...more,
});

test('hosts that go through a proxy are told from those that do not', () => {
  const choose = chooseProxy({
    http_proxy: 'plain.example',
    https_proxy: 'https://bee:ho%20ney@[::1]:8080/',
    no_proxy_hosts: ['hive.example', '.nest.example', '*.cove.example', '10.1.0.0/16', 'fd00::/8', '192.0.2.7'],
  });
  assert.deepEqual(choose({ secure: false, host: 'far.example' }), {
    secure: false,
    host: 'plain.example',
    port: 1080,
    credentials: undefined,
  });
  assert.deepEqual(choose({ secure: true, host: 'far.example' }), {
    secure: true,
    host: '::1',
    port: 8080,
    credentials: 'bee:ho ney',
  });
  const near = ['hive.example', 'HIVE.example.', 'a.hive.example', 'a.nest.example', 'b.cove.example', '10.1.2.3', 'fd12::1'];
  for (const host of [...near, '192.0.2.7']) assert.equal(choose({ secure: true, host }), undefined, host);
  for (const host of ['beehive.example', 'example', '10.2.0.1', 'fe80::1', '192.0.2.70']) {
    assert.ok(choose({ secure: true, host }), host);
  }
  const far = { secure: true, host: 'far.example' };
  assert.equal(chooseProxy({ ...none, https_proxy: 'proxy', no_proxy_hosts: ['*'] })(far), undefined);
  assert.equal(chooseProxy({ ...none, http_proxy: 'proxy' })(far), undefined);
  assert.equal(chooseProxy({ ...none, https_proxy: 'http://proxy:80' })(far)?.port, 80);
  for (const wrong of ['socks5://proxy:1080', 'http://', 'http://proxy/path', 'ftp://proxy', '']) {
    assert.throws(() => chooseProxy({ ...none, https_proxy: wrong }), /https_proxy/, wrong);
  }
});

suite('requests through a forward proxy', () => {
  let site: TlsSite;
  let plain: Server;
  let proxy: ForwardProxy;
  const heard: IncomingMessage[] = [];
  const clients: OutgoingClient[] = [];

  const clientWith = (settings: Partial<ProxySettings>, connectTimeoutMs = 5_000): OutgoingClient => {
    const client = createOutgoingClient({
      clock: systemClock,
      // It knows none of the names: the proxy does.
      resolver: new TestResolver().host('near.test', '10.0.0.1'),
      policy: createAddressPolicy({ blocked: ['127.0.0.0/8', '10.0.0.0/8'], allowed: [] }),
      secureContext: () => createSecureContext({ ca: authority.certificate }),
      userAgent: 'Myelin',
      proxyFor: chooseProxy({ ...none, ...settings }),
      connectTimeoutMs,
    });
    clients.push(client);
    return client;
  };
  const fails = async (request: Promise<unknown>, failure: string, message: RegExp): Promise<void> => {
    await assert.rejects(request, (error: unknown) => {
      assert.ok(error instanceof OutgoingError, String(error));
      assert.equal(error.failure, failure, error.message);
      assert.match(error.message, message);
      return true;
    });
  };

  before(async () => {
    site = await startTlsSite(authority.issue(['hive.test']), (_, response) => response.end('honey'));
    plain = createServer((incoming, outgoing) => {
      heard.push(incoming);
      outgoing.end('plain honey');
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const ports: Record<string, number> = {
      'hive.test:8448': site.port,
      'hive.test:443': site.port,
      'other.test:8448': site.port,
      'hive.test:80': (plain.address() as AddressInfo).port,
    };
    proxy = await startForwardProxy({ portOf: (name) => ports[name], credentials: 'bee:ho ney' });
  });
  after(async () => {
    for (const client of clients) await client.close();
    await proxy.close();
    await site.close();
    await new Promise((resolve) => plain.close(resolve));
  });
  const https = (): Partial<ProxySettings> => ({ https_proxy: `http://bee:ho%20ney@127.0.0.1:${proxy.port}` });

  test('it opens a way to any port, and TLS goes through to the end', async () => {
    const client = clientWith(https());
    for (const port of [8448, 443]) {
      const answer = await client.send(through('hive.test', { port }), get);
      assert.equal(answer.body.toString(), 'honey');
    }
    assert.deepEqual(proxy.asked.slice(-2), ['CONNECT hive.test:8448', 'CONNECT hive.test:443']);
    const request = site.requests.at(-1);
    assert.deepEqual([request?.url, request?.host, request?.sni], ['/honey?is=sweet', 'hive.test', 'hive.test']);
    await client.send(through('hive.test'), get);
    assert.equal(proxy.asked.filter((asked) => asked.endsWith(':8448')).length, 1, 'a way through is used again');
  });

  test('whoever sits at the end must prove their name, whatever the proxy says', async () => {
    await fails(clientWith(https()).send(through('other.test'), get), 'certificate', /other\.test could not prove its name/);
  });

  test('a proxy that refuses, or does not know who asks, is told of in the failure', async () => {
    const refused = clientWith(https()).send(through('far.test'), get);
    await fails(refused, 'connection', /leads nobody to far\.test:8448: it answered 403/);
    const stranger = clientWith({ https_proxy: `127.0.0.1:${proxy.port}` });
    await fails(stranger.send(through('hive.test'), get), 'connection', /it answered 407/);
  });

  test('addresses inside are reached neither past the proxy nor through it', async () => {
    const client = clientWith({ ...https(), no_proxy_hosts: ['near.test'] });
    await fails(client.send(through('near.test'), get), 'blocked', /near\.test/);
    const asked = proxy.asked.length;
    await fails(client.send(through('10.0.0.1'), get), 'blocked', /10\.0\.0\.1/);
    assert.equal(proxy.asked.length, asked);
  });

  test('a request without TLS is given to the proxy whole', async () => {
    const client = clientWith({ http_proxy: `http://bee:ho%20ney@127.0.0.1:${proxy.port}` });
    const target = through('hive.test', { secure: false, port: 80 });
    assert.equal((await client.send(target, get)).body.toString(), 'plain honey');
    assert.equal(proxy.asked.at(-1), 'GET http://hive.test/honey?is=sweet');
    assert.equal(heard.at(-1)?.headers.host, 'hive.test');
  });

  test('a proxy may speak TLS itself, and must prove its name then', async () => {
    const secure = await startForwardProxy({ portOf: () => site.port, certificate: authority.issue(['localhost']) });
    try {
      const client = clientWith({ https_proxy: `https://localhost:${secure.port}` });
      assert.equal((await client.send(through('hive.test'), get)).body.toString(), 'honey');
      const wrong = clientWith({ https_proxy: `https://127.0.0.1:${secure.port}` });
      await fails(wrong.send(through('hive.test'), get), 'certificate', /127\.0\.0\.1 could not prove its name/);
    } finally {
      await secure.close();
    }
  });

  test('a proxy that is none costs no more than the time of a connection', async () => {
    const says: (string | undefined)[] = ['220 mail.test ESMTP\r\n\r\n', `HTTP/1.1 200 OK\r\n${'x'.repeat(20_000)}`, undefined];
    const odd = createTcpServer((socket) => {
      const words = says.shift();
      if (words !== undefined) socket.write(words);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const settings = { https_proxy: `127.0.0.1:${(odd.address() as AddressInfo).port}` };
    await fails(clientWith(settings).send(through('hive.test'), get), 'connection', /did not answer with HTTP/);
    await fails(clientWith(settings).send(through('hive.test'), get), 'connection', /did not answer with HTTP/);
    await fails(clientWith(settings, 100).send(through('hive.test'), get), 'timeout', /took no connection in time/);
    odd.close();
  });
});
