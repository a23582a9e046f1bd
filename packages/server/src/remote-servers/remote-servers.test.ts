import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createSecureContext } from 'node:tls';

import * as federation from '@myelin/protocol/api/federation';
import type { ServerName } from '@myelin/protocol/identifiers';
import { signingKeyIds, signJson, verifyJson } from '@myelin/protocol/signatures';
import { TestHomeserver, type HttpAnswer } from '@myelin/testing';
import { createCertificateAuthority, FakeServer, startFederation, TestResolver } from '@myelin/testing/federation';

import { systemClock } from '../platform/clock.ts';
import { createAddressPolicy, createOutgoingClient } from '../platform/outgoing/index.ts';
import { jsonSignatureCheck } from './index.ts';

const [hive, nest, burrow] = ['hive.test', 'nest.test', 'burrow.test'].map((name) => name as ServerName) as [
  ServerName,
  ServerName,
  ServerName,
];

suite('servers and their keys', () => {
  test('two servers know each other, and one vouches for the other towards a third', async (t) => {
    const network = await startFederation([hive, nest]);
    t.after(() => network.stop());
    const { remoteServers: hiveRemote, clock } = network.named(hive).server.needs;
    const { remoteServers: nestRemote } = network.named(nest).server.needs;
    const nestKey = nestRemote.ownKeys.signingKey;

    const published = await hiveRemote.request(nest, federation.getServerKey, {});
    assert.deepEqual(published.verify_keys, { [nestKey.keyId]: { key: nestKey.publicKey } });
    assert.ok(published.valid_until_ts > clock.now() + 3_600_000);
    assert.ok(verifyJson(published, nest, nestKey.keyId, nestKey.publicKey));

    // By GET and by POST, about another and about itself, and about nobody.
    const query = { [nest]: { [nestKey.keyId]: { minimum_valid_until_ts: clock.now() } }, 'nowhere.test': {}, [hive]: {} };
    const byPost = await nestRemote.request(hive, federation.bulkPerspectivesKeyQuery, { body: { server_keys: query } });
    const byGet = await nestRemote.request(hive, federation.perspectivesKeyQuery, { params: { serverName: nest }, query: {} });
    assert.deepEqual(
      byPost.server_keys.map(({ server_name }) => server_name),
      [nest, hive],
    );
    const hiveKey = hiveRemote.ownKeys.signingKey;
    for (const keys of [byPost.server_keys[0], byGet.server_keys[0]]) {
      assert.ok(keys);
      assert.deepEqual([signingKeyIds(keys, nest), signingKeyIds(keys, hive)], [[nestKey.keyId], [hiveKey.keyId]]);
      assert.ok(verifyJson(keys, nest, nestKey.keyId, nestKey.publicKey));
      assert.ok(verifyJson(keys, hive, hiveKey.keyId, hiveKey.publicKey));
    }
    assert.deepEqual(
      (await nestRemote.request(hive, federation.bulkPerspectivesKeyQuery, { body: { server_keys: {} } })).server_keys,
      [],
    );

    // It still does when that server is gone.
    await network.cutOff(nest);
    const { body } = await network.named(hive).request('GET', `/_matrix/key/v2/query/${nest}`);
    assert.equal(body.server_keys.length, 1);
  });

  test('nobody has a server ask more others for keys than is their share', async (t) => {
    const network = await startFederation([hive, nest], { config: { rc_key_queries: { per_second: 0.001, burst_count: 3 } } });
    t.after(() => network.stop());
    const query = (...servers: readonly string[]): Promise<HttpAnswer> => {
      const server_keys = Object.fromEntries(servers.map((server) => [server, {}]));
      return network.named(hive).request('POST', '/_matrix/key/v2/query', { body: { server_keys } });
    };
    assert.equal((await query(nest, hive)).body.server_keys.length, 2);
    const asked = network.resolver.asked.length;
    for (let round = 0; round < 5; round++) assert.equal((await query(nest, hive)).status, 200, 'what is known costs nothing');
    assert.equal(network.resolver.asked.length, asked);
    const flood = await query(...Array.from({ length: 50 }, (_, index) => `s${index}.test`));
    assert.deepEqual([flood.status, flood.body.errcode], [429, 'M_LIMIT_EXCEEDED']);
    const names = new Set(network.resolver.asked.flatMap((name) => /s\d+\.test$/.exec(name) ?? []));
    assert.equal(names.size, 2, [...names].join());
    assert.equal((await query(nest)).status, 200);
  });

  test('a server that trusts another about keys learns those of one that is gone', async (t) => {
    const network = await startFederation([hive, nest]);
    t.after(() => network.stop());
    await network
      .named(nest)
      .server.needs.remoteServers.request(hive, federation.perspectivesKeyQuery, { params: { serverName: nest }, query: {} });
    await network.cutOff(nest);
    const key = network.named(hive).server.needs.remoteServers.ownKeys.signingKey;
    const third = await TestHomeserver.start({
      resolver: network.resolver,
      config: {
        server_name: burrow,
        ip_range_blacklist: [],
        // The network's authority is not this server's: it knows the key server by its key.
        federation_certificate_verification_whitelist: ['*.test'],
        trusted_key_servers: [{ server_name: hive, verify_keys: { [key.keyId]: key.publicKey } }],
      },
    });
    t.after(() => third.stop());
    const { remoteServers: remote } = third.server.needs;
    const { signingKey } = network.named(nest).server.needs.remoteServers.ownKeys;
    const note = signJson({ hum: 'bzz' }, nest, signingKey);
    assert.deepEqual(await remote.keys.verify(jsonSignatureCheck(note, nest, 1)), { ok: true, keyId: signingKey.keyId });
  });

  test('endpoints for servers ask for a proof', async () => {
    const authority = createCertificateAuthority();
    const resolver = new TestResolver();
    const fake = await FakeServer.start(nest, { resolver, authority });
    const homeserver = await TestHomeserver.start({
      resolver,
      config: { server_name: hive, ip_range_blacklist: [], federation_certificate_verification_whitelist: ['nest.*'] },
    });
    const alice = await homeserver.person('alice');
    const uri = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(alice.userId)}`;
    const ask = (headers: Record<string, string>) => homeserver.request('GET', uri, { headers });
    const authorization = fake.authorization({ method: 'GET', uri, destination: hive });
    assert.equal((await ask({ authorization })).status, 200);
    assert.partialDeepStrictEqual(await ask({}), { status: 401, body: { errcode: 'M_UNAUTHORIZED' } });
    assert.equal((await ask({ authorization: authorization.replace(/sig=".{6}/, 'sig="AAAAAA') })).status, 401);
    await homeserver.stop();
    await fake.stop();
  });
});

suite('a listener with TLS', () => {
  test('serves with its certificate, and with a renewed one after SIGHUP; a broken one changes nothing', async (t) => {
    const [first, second] = [createCertificateAuthority(), createCertificateAuthority()];
    const directory = await mkdtemp(join(tmpdir(), 'myelin-tls-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const files = {
      tls_certificate_path: join(directory, 'tls.crt'),
      tls_private_key_path: join(directory, 'tls.key'),
    };
    const write = async ({ certificate, key }: { certificate: string; key: string }): Promise<void> => {
      await writeFile(files.tls_certificate_path, certificate);
      await writeFile(files.tls_private_key_path, key);
    };
    await write(first.issue([hive]));
    const secure = await TestHomeserver.start({
      config: {
        server_name: hive,
        ...files,
        listeners: [
          { port: 0, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client'] }] },
          { port: 0, type: 'http', tls: true, bind_addresses: ['127.0.0.1'], resources: [{ names: ['federation'] }] },
        ],
      },
    });
    t.after(() => secure.stop());
    const [, address = ''] = secure.server.addresses;
    assert.match(address, /^https:\/\/127\.0\.0\.1:\d+$/);
    const reaches = async (authority: { certificate: string }): Promise<boolean> => {
      const client = createOutgoingClient({
        clock: systemClock,
        resolver: new TestResolver().host(hive, '127.0.0.1'),
        policy: createAddressPolicy({ blocked: [], allowed: [] }),
        secureContext: () => createSecureContext({ ca: authority.certificate }),
        userAgent: 'test',
      });
      const url = `https://${hive}:${new URL(address).port}/_matrix/key/v2/server`;
      try {
        return (await client.sendTo(url, { timeoutMs: 5_000, maxBytes: 10_000, maxRedirects: 0 })).status === 200;
      } catch {
        // Which way it fails is for the tests of the client.
        return false;
      } finally {
        await client.close();
      }
    };
    assert.deepEqual([await reaches(first), await reaches(second)], [true, false]);
    await write({ certificate: 'nothing', key: 'nothing' });
    await assert.rejects(secure.server.reload(), /tls_certificate_path/);
    assert.ok(await reaches(first));
    await write(second.issue([hive]));
    await secure.server.reload();
    assert.deepEqual([await reaches(first), await reaches(second)], [false, true]);
  });
});
