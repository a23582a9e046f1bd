import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { createSecureContext } from 'node:tls';

import type { ServerName } from '@myelin/protocol/identifiers';
import { createCertificateAuthority, startTlsSite, TestResolver } from '@myelin/testing/network';

import { createTestClock } from '../../platform/clock.ts';
import {
  createAddressPolicy,
  createOutgoingClient,
  type OutgoingClient,
  OutgoingError,
  type UrlAnswer,
} from '../../platform/outgoing/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createDiscovery } from './discovery.ts';
import { srvOrder } from './srv-order.ts';
import { createWellKnown } from './well-known.ts';

type WellKnownAnswer = { readonly status?: number; readonly body?: string; readonly headers?: UrlAnswer['headers'] };
const HOUR = 3_600_000;

/** Discovery in a world where only what a test names exists. */
function world(sites: Record<string, WellKnownAnswer> = {}) {
  const asked: string[] = [];
  const resolver = new TestResolver();
  const clock = createTestClock();
  const random = createSeededRandom(1);
  const client = {
    sendTo(url: string): Promise<UrlAnswer> {
      asked.push(url);
      const site = sites[new URL(url).host];
      if (!site) return Promise.reject(new OutgoingError('connection', 'nobody is there'));
      const { status = 200, headers = {}, body = '' } = site;
      return Promise.resolve({ status, headers, body: Buffer.from(body), url });
    },
  } as unknown as OutgoingClient;
  const wellKnown = createWellKnown({ client, clock, random });
  const discovery = createDiscovery({ resolver, wellKnown, clock, random });
  const find = (name: string) => discovery.find(name as ServerName);
  return { asked, resolver, clock, discovery, find, sites };
}

const delegates = (name: string, headers: UrlAnswer['headers'] = {}): WellKnownAnswer => ({
  body: JSON.stringify({ 'm.server': name }),
  headers,
});

suite('where a server is', () => {
  const srv = { name: 'matrix.hoster.test.', port: 8449 };
  const oldSrv = { name: 'old.hoster.test', port: 8450 };
  const table: readonly {
    readonly step: string;
    readonly name: string;
    readonly wellKnown?: WellKnownAnswer;
    readonly services?: readonly string[];
    readonly expected: string;
  }[] = [
    { step: '1: an IPv4 address', name: '203.0.113.5', expected: '203.0.113.5 8448 host=203.0.113.5 certificate=address' },
    {
      step: '1: an IPv4 address with a port',
      name: '203.0.113.5:99',
      expected: '203.0.113.5 99 host=203.0.113.5:99 certificate=address',
    },
    { step: '1: an IPv6 address', name: '[2001:db8::5]', expected: '2001:db8::5 8448 host=[2001:db8::5] certificate=address' },
    {
      step: '1: an IPv6 address with a port',
      name: '[2001:db8::5]:99',
      expected: '2001:db8::5 99 host=[2001:db8::5]:99 certificate=address',
    },
    {
      step: '2: a port, whatever well-known and DNS say',
      name: 'hive.test:443',
      wellKnown: delegates('elsewhere.test:1'),
      services: ['_matrix-fed._tcp.hive.test'],
      expected: 'hive.test 443 host=hive.test:443 certificate=hive.test',
    },
    {
      step: '3.1: delegated to an address',
      name: 'hive.test',
      wellKnown: delegates('203.0.113.6'),
      expected: '203.0.113.6 8448 host=203.0.113.6 certificate=address',
    },
    {
      step: '3.1: delegated to an IPv6 address with a port',
      name: 'hive.test',
      wellKnown: delegates('[2001:db8::6]:77'),
      expected: '2001:db8::6 77 host=[2001:db8::6]:77 certificate=address',
    },
    {
      step: '3.2: delegated to a name with a port',
      name: 'hive.test',
      wellKnown: delegates('deep.hive.test:443'),
      services: ['_matrix-fed._tcp.deep.hive.test'],
      expected: 'deep.hive.test 443 host=deep.hive.test:443 certificate=deep.hive.test',
    },
    {
      step: '3.3: delegated to a name with a record, old ones aside',
      name: 'hive.test',
      wellKnown: delegates('deep.hive.test'),
      services: ['_matrix-fed._tcp.deep.hive.test', '_matrix._tcp.deep.hive.test', '_matrix-fed._tcp.hive.test'],
      expected: 'matrix.hoster.test 8449 host=deep.hive.test certificate=deep.hive.test',
    },
    {
      step: '3.4: delegated to a name with an old record only',
      name: 'hive.test',
      wellKnown: delegates('deep.hive.test'),
      services: ['_matrix._tcp.deep.hive.test'],
      expected: 'old.hoster.test 8450 host=deep.hive.test certificate=deep.hive.test',
    },
    {
      step: '3.5: delegated to a name without records',
      name: 'hive.test',
      wellKnown: delegates('deep.hive.test'),
      services: ['_matrix-fed._tcp.hive.test'],
      expected: 'deep.hive.test 8448 host=deep.hive.test certificate=deep.hive.test',
    },
    {
      step: '4: no well-known, a record',
      name: 'hive.test',
      services: ['_matrix-fed._tcp.hive.test', '_matrix._tcp.hive.test'],
      expected: 'matrix.hoster.test 8449 host=hive.test certificate=hive.test',
    },
    {
      step: '5: no well-known, an old record',
      name: 'hive.test',
      services: ['_matrix._tcp.hive.test'],
      expected: 'old.hoster.test 8450 host=hive.test certificate=hive.test',
    },
    { step: '6: nothing but the name', name: 'hive.test', expected: 'hive.test 8448 host=hive.test certificate=hive.test' },
  ];
  for (const { step, name, wellKnown, services = [], expected } of table) {
    test(`step ${step}`, async () => {
      const { find, resolver, sites } = world();
      if (wellKnown) sites['hive.test'] = wellKnown;
      for (const service of services) resolver.service(service, service.startsWith('_matrix-fed') ? srv : oldSrv);
      const [first, ...others] = await find(name);
      assert.ok(first);
      assert.equal(
        `${first.host} ${first.port} host=${first.hostHeader} certificate=${first.certificateName ?? 'address'}`,
        expected,
      );
      assert.deepEqual(others, []);
    });
  }

  const bad: Readonly<Record<string, WellKnownAnswer>> = {
    'not found': { ...delegates('elsewhere.test'), status: 404 },
    'an error': { ...delegates('elsewhere.test'), status: 503 },
    'no JSON': { body: '<html>' },
    'no object': { body: '["m.server"]' },
    'no m.server': { body: '{"m.homeserver":{}}' },
    'm.server is no text': { body: '{"m.server":{"x":1}}' },
    'm.server is no server name': delegates('https://elsewhere.test/'),
    'm.server is a bad address': delegates('999.1.1.1'),
  };
  for (const [why, answer] of Object.entries(bad)) {
    test(`a well-known that is ${why} is passed over`, async () => {
      const { find } = world({ 'hive.test': answer });
      assert.equal((await find('hive.test'))[0]?.host, 'hive.test');
    });
  }

  test('several records are tried by priority, those of "." not at all, a broken DNS counts as none', async () => {
    const { find, resolver } = world();
    resolver.service(
      '_matrix-fed._tcp.hive.test',
      { name: 'b.test', port: 1, priority: 20 },
      { name: 'a.test', port: 2, priority: 10 },
    );
    assert.deepEqual(
      (await find('hive.test')).map(({ host }) => host),
      ['a.test', 'b.test'],
    );
    resolver.service('_matrix-fed._tcp.shut.test', { name: '.', port: 0 }).fails('_matrix-fed._tcp.dark.test');
    assert.equal((await find('shut.test'))[0]?.port, 8448);
    assert.equal((await find('dark.test'))[0]?.port, 8448);
  });

  test('a weight is the share of times that a record comes first', () => {
    const random = createSeededRandom(7);
    const records = [
      { name: 'light.test', port: 1, priority: 0, weight: 10 },
      { name: 'heavy.test', port: 1, priority: 0, weight: 90 },
    ];
    const firsts = Array.from({ length: 1_000 }, () => srvOrder(records, random)[0]?.name);
    const heavy = firsts.filter((name) => name === 'heavy.test').length;
    assert.ok(heavy > 850 && heavy < 950, `${heavy} of 1000`);
  });
});

suite('what discovery remembers', () => {
  test('a well-known for as long as its headers say, within bounds', async () => {
    const rows: readonly (readonly [UrlAnswer['headers'], hours: number])[] = [
      [{}, 24],
      [{ 'cache-control': 'public, max-age=7200' }, 2],
      [{ 'cache-control': 'max-age=7200', age: '3600' }, 1],
      [{ 'cache-control': 'max-age=99999999' }, 48],
      [{ 'cache-control': 'no-store' }, 1 / 12],
      [{ expires: new Date(1_700_000_000_000 + 3 * HOUR).toUTCString() }, 3],
      [{ expires: '0' }, 1 / 12],
    ];
    for (const [headers, hours] of rows) {
      const { find, clock, asked } = world({ 'hive.test': delegates('deep.test:1', headers) });
      await find('hive.test');
      clock.advance(hours * HOUR * 0.89);
      await find('hive.test');
      assert.equal(asked.length, 1, `${JSON.stringify(headers)} holds for about ${hours} h`);
      clock.advance(hours * HOUR * 0.22);
      await find('hive.test');
      assert.equal(asked.length, 2, `${JSON.stringify(headers)} holds for no more than about ${hours} h`);
    }
  });

  test('a failure for minutes, then for longer, an hour at most', async () => {
    const { find, clock, asked } = world();
    for (let minute = 0; minute < 24 * 60; minute++) {
      await find('hive.test');
      clock.advance(60_000);
    }
    assert.ok(asked.length > 24 && asked.length < 36, `${asked.length} times in a day`);
  });

  test('an outage of the well-known moves nobody; its removal does', async () => {
    const { find, clock, sites } = world({ 'hive.test': delegates('deep.test:1') });
    const where = async () => (await find('hive.test'))[0]?.host;
    assert.equal(await where(), 'deep.test');
    delete sites['hive.test'];
    clock.advance(27 * HOUR);
    assert.equal(await where(), 'deep.test');
    sites['hive.test'] = { status: 404 };
    clock.advance(2 * HOUR);
    assert.equal(await where(), 'hive.test');
  });

  test('many who look at once ask once, and who found nobody there may look anew', async () => {
    const { find, asked, discovery, resolver } = world({ 'hive.test': delegates('deep.test') });
    await Promise.all([find('hive.test'), find('hive.test'), find('hive.test')]);
    assert.equal(asked.length, 1);
    assert.equal(resolver.asked.filter((name) => name === '_matrix-fed._tcp.deep.test').length, 1);
    discovery.forget('hive.test' as ServerName);
    await find('hive.test');
    assert.equal(asked.length, 2);
  });

  test('records for as long as DNS says', async () => {
    const { find, clock, resolver } = world();
    resolver.service('_matrix-fed._tcp.hive.test', { name: 'a.test', port: 1 }).ttlMs = 10 * 60_000;
    await find('hive.test');
    resolver.service('_matrix-fed._tcp.hive.test', { name: 'b.test', port: 1 });
    clock.advance(9 * 60_000);
    assert.equal((await find('hive.test'))[0]?.host, 'a.test');
    clock.advance(2 * 60_000);
    assert.equal((await find('hive.test'))[0]?.host, 'b.test');
  });
});

suite('a well-known over HTTPS', async () => {
  const authority = createCertificateAuthority();
  const site = await startTlsSite(authority.issue(['hive.test']), (request, response) => {
    const host = request.headers.host?.split(':')[0];
    if (host === 'hive.test' && request.url === '/.well-known/matrix/server')
      response.writeHead(301, { location: '/moved' }).end();
    else response.end(JSON.stringify({ 'm.server': 'deep.test:1' }));
  });
  const resolver = new TestResolver().host('hive.test', '127.0.0.1').host('wrong.test', '127.0.0.1');
  const clock = createTestClock();
  const client = createOutgoingClient({
    clock,
    resolver,
    policy: createAddressPolicy({ blocked: [], allowed: [] }),
    secureContext: () => createSecureContext({ ca: authority.certificate }),
    userAgent: 'Myelin',
  });
  const wellKnown = createWellKnown({ client, clock, random: createSeededRandom(1), port: site.port });
  after(async () => {
    await client.close();
    await site.close();
  });

  test('redirects are followed; a certificate for another name counts for nothing', async () => {
    assert.equal((await wellKnown.delegateOf('hive.test'))?.name, 'deep.test:1');
    assert.equal(await wellKnown.delegateOf('wrong.test'), undefined);
    const trusting = createWellKnown({
      client,
      clock,
      random: createSeededRandom(1),
      port: site.port,
      verifiesCertificateOf: (host) => host !== 'wrong.test',
    });
    assert.equal((await trusting.delegateOf('wrong.test'))?.name, 'deep.test:1', 'unless the operator says otherwise');
  });

  test('more than 50 KiB are not read', async () => {
    const large = await startTlsSite(authority.issue(['large.test']), (_request, response) =>
      response.end(JSON.stringify({ 'm.server': 'deep.test:1', padding: 'x'.repeat(51 * 1024) })),
    );
    resolver.host('large.test', '127.0.0.1');
    const own = createWellKnown({ client, clock, random: createSeededRandom(1), port: large.port });
    assert.equal(await own.delegateOf('large.test'), undefined);
    await large.close();
  });
});
