import assert from 'node:assert/strict';
import { hash } from 'node:crypto';

import type { ServerName } from '@myelin/protocol/identifiers';
import { generateSigningKey, signJson, signText } from '@myelin/protocol/signatures';
import { forEachDatabase } from '@myelin/testing/databases';
import type { FakeServer } from '@myelin/testing/network';

import remoteServers from '../../migrations/0100-remote-servers.ts';
import type { SignatureCheck } from '../index.ts';
import { hive, inWorld } from '../remote-servers.fixture.ts';

const DAY = 86_400_000;
const KEYS = '/_matrix/key/v2/server';
const QUERY = '/_matrix/key/v2/query';

/** "Has this server signed this text?", with the key that it has now. */
function signed(server: FakeServer, text: string, minimumValidUntil = 0): SignatureCheck {
  return {
    server: server.name,
    signatures: { [server.signingKey.keyId]: signText(text, server.signingKey) },
    text,
    minimumValidUntil,
  };
}

forEachDatabase(
  'the keys of other servers',
  ({ test }) => {
    test('are fetched once, kept over restarts, and fetched again when they are too old', ({ database }) =>
      inWorld(database, async ({ remote, server, clock, reopen }) => {
        const nest = await server('nest.test');
        nest.validUntil = clock.now() + 2 * DAY;
        const now = clock.now();
        const checks = Array.from({ length: 20 }, (_, index) => signed(nest, `message ${index}`, now));
        const [verdicts, others] = await Promise.all([remote.keys.verifyAll(checks), remote.keys.verifyAll(checks)]);
        assert.ok([...verdicts, ...others].every(({ ok }) => ok));
        assert.equal(nest.asked(KEYS), 1, 'one request, whoever waits for it');
        const restarted = reopen();
        assert.ok((await restarted.keys.verify(signed(nest, 'later', now + DAY))).ok);
        assert.equal(nest.asked(KEYS), 1);
        clock.advance(3 * DAY);
        assert.ok((await restarted.keys.verify(signed(nest, 'old', now + DAY))).ok, 'what was signed while the key was valid');
        assert.equal(nest.asked(KEYS), 1);
        nest.validUntil = clock.now() + DAY;
        assert.ok((await restarted.keys.verify(signed(nest, 'today', clock.now()))).ok);
        assert.equal(nest.asked(KEYS), 2);
      }));

    test('forged, unsigned, by nobody, by another', ({ database }) =>
      inWorld(database, async ({ remote, server }) => {
        const nest = await server('nest.test');
        const good = signed(nest, 'hello');
        const reasons = await remote.keys.verifyAll([
          good,
          { ...good, text: 'hallo' },
          { ...good, signatures: { [nest.signingKey.keyId]: 'AAAA' } },
          { ...good, signatures: {} },
          { ...good, signatures: { 'rsa:1': 'AAAA' } },
          { ...good, signatures: { 'ed25519:other': Object.values(good.signatures)[0] ?? '' } },
          { ...good, server: 'nowhere.test' as ServerName },
          // One of several is enough.
          { ...good, signatures: { 'ed25519:other': 'AAAA', ...good.signatures } },
        ]);
        assert.deepEqual(
          reasons.map((verdict) => (verdict.ok ? 'ok' : verdict.reason)),
          ['ok', 'forged', 'forged', 'unsigned', 'unsigned', 'no-key', 'no-key', 'ok'],
        );
      }));

    test('our own are at hand', ({ database }) =>
      inWorld(
        database,
        async ({ remote, clock }) => {
          const { signingKey } = remote.ownKeys;
          const check = { server: hive, signatures: { [signingKey.keyId]: signText('hum', signingKey) }, text: 'hum' };
          assert.ok((await remote.keys.verify({ ...check, minimumValidUntil: clock.now() + DAY })).ok);
          const old = generateSigningKey(hash('sha256', 'old', 'buffer'), 'old');
          const byOld = { server: hive, signatures: { 'ed25519:old': signText('hum', old) }, text: 'hum' };
          assert.ok((await remote.keys.verify({ ...byOld, minimumValidUntil: 1_000 })).ok);
          assert.ok(!(await remote.keys.verify({ ...byOld, minimumValidUntil: 1_001 })).ok);
        },
        {
          old_signing_keys: {
            'ed25519:old': { key: generateSigningKey(hash('sha256', 'old', 'buffer'), 'old').publicKey, expired_ts: 1_000 },
          },
        },
      ));

    test('a key that its server has put away counts for what is older', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        const then = clock.now();
        const before = signed(nest, 'before', then);
        assert.ok((await remote.keys.verify(before)).ok);
        clock.advance(8 * DAY);
        nest.validUntil = clock.now() + DAY;
        nest.rotatesItsKey('new', then + DAY);
        assert.ok((await remote.keys.verify(signed(nest, 'after', clock.now()))).ok, 'the new key is fetched');
        assert.equal(nest.asked(KEYS), 2);
        assert.ok((await remote.keys.verify(before)).ok);
        const late = { ...before, minimumValidUntil: then + DAY + 1 };
        assert.deepEqual(await remote.keys.verify(late), { ok: false, reason: 'no-key' });
        assert.ok(
          (await remote.keys.verify({ ...late, minimumValidUntil: 0 })).ok,
          'in rooms that do not ask how long it was valid',
        );
        assert.equal(nest.asked(KEYS), 2, 'nobody is asked about a key that was put away');
      }));

    test('a key that is put away proves nothing from then on, though its end is said to be far off', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        const before = signed(nest, 'before', clock.now());
        nest.rotatesItsKey('new', clock.now() + 365 * DAY);
        assert.ok((await remote.keys.verify(before)).ok, 'an event from before');
        const late = { ...before, minimumValidUntil: clock.now() + 1 };
        assert.deepEqual(await remote.keys.verify(late), { ok: false, reason: 'no-key' });
      }));

    test('no answer is believed for more than a week, nor one that is not signed, malformed, or about another', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        nest.validUntil = clock.now() + 365 * DAY;
        assert.ok((await remote.keys.verify(signed(nest, 'soon', clock.now() + 6 * DAY))).ok);
        clock.advance(60_000);
        const far = signed(nest, 'far', clock.now() + 8 * DAY);
        assert.deepEqual(await remote.keys.verify(far), { ok: false, reason: 'no-key' });
        const rows: readonly ((fake: FakeServer) => unknown)[] = [
          (fake) => ({ ...fake.publishedKeys(), signatures: {} }),
          (fake) => ({ ...fake.publishedKeys(), valid_until_ts: 1 + clock.now() }),
          (fake) => ({ ...fake.publishedKeys(), valid_until_ts: 'tomorrow' }),
          (fake) => signJson({ ...fake.publishedKeys(), server_name: 'nest.test' }, 'nest.test', nest.signingKey),
          (fake) => signJson({ ...fake.publishedKeys(), verify_keys: [] }, fake.name, fake.signingKey),
          (fake) =>
            signJson({ ...fake.publishedKeys(), verify_keys: { 'ed25519:a': { key: 'short' } } }, fake.name, fake.signingKey),
          () => ({ status: 500 }),
        ];
        for (const [at, answer] of rows.entries()) {
          const fake = await server(`fake-${at}.test`);
          fake.answers.set(KEYS, () => answer(fake));
          assert.deepEqual(await remote.keys.verify(signed(fake, 'x')), { ok: false, reason: 'no-key' }, `row ${at}`);
        }
      }));

    test('a server without the key is not asked again and again', ({ database }) =>
      inWorld(database, async ({ remote, server, clock }) => {
        const nest = await server('nest.test');
        const check = { ...signed(nest, 'x'), signatures: { 'ed25519:unknown': 'AAAA' } };
        for (let time = 0; time < 5; time++) assert.ok(!(await remote.keys.verify(check)).ok);
        assert.equal(nest.asked(KEYS), 1);
        clock.advance(30_000);
        await remote.keys.verify(check);
        assert.equal(nest.asked(KEYS), 2);
      }));

    test('many servers at once: one request to the key server, and only who it does not know is asked', async ({ database }) => {
      const notary = { server_name: 'notary.test' as ServerName, verify_keys: null, accept_keys_insecurely: false };
      await inWorld(
        database,
        async ({ remote, server }) => {
          const oracle = await server('notary.test');
          const nests = await Promise.all(Array.from({ length: 8 }, (_, index) => server(`nest-${index}.test`)));
          oracle.answers.set(QUERY, (_request, body: { server_keys: Record<string, unknown> }) => ({
            server_keys: Object.keys(body.server_keys)
              .filter((name) => name !== 'nest-7.test')
              .map((name) => {
                const published = nests.find((nest) => nest.name === name)?.publishedKeys() ?? {};
                // It forgets to sign for one, and makes up another's key.
                if (name === 'nest-5.test') return published;
                if (name === 'nest-6.test') return signJson({ ...published, verify_keys: {} }, oracle.name, oracle.signingKey);
                return signJson(published, oracle.name, oracle.signingKey);
              }),
          }));
          const verdicts = await remote.keys.verifyAll(nests.map((nest) => signed(nest, 'x', 1)));
          assert.ok(verdicts.every(({ ok }) => ok));
          assert.equal(oracle.asked(QUERY), 1);
          assert.deepEqual(
            nests.map((nest) => nest.asked(KEYS)),
            [0, 0, 0, 0, 0, 1, 1, 1],
          );
        },
        { trusted_key_servers: [notary] },
      );
    });

    test('a server that is gone: a key server still knows its keys, if it signs with the keys that it is known by', async ({
      database,
    }) => {
      const pinned = generateSigningKey(hash('sha256', 'pinned', 'buffer'), 'pinned');
      const keyServer = (verify_keys: Record<string, string>) => ({
        trusted_key_servers: [{ server_name: 'notary.test' as ServerName, verify_keys, accept_keys_insecurely: false }],
      });
      await inWorld(database, async ({ server, reopen, clock }) => {
        const oracle = await server('notary.test');
        const nest = await server('nest.test');
        nest.answers.delete(KEYS);
        oracle.answers.set(QUERY, () => ({ server_keys: [signJson(nest.publishedKeys(), oracle.name, pinned)] }));
        const other = reopen(keyServer({ 'ed25519:pinned': oracle.signingKey.publicKey }));
        assert.deepEqual(await other.keys.verify(signed(nest, 'x')), { ok: false, reason: 'no-key' });
        clock.advance(60_000);
        const right = reopen(keyServer({ 'ed25519:pinned': pinned.publicKey }));
        assert.ok((await right.keys.verify(signed(nest, 'x'))).ok);
      });
    });

    test('an old answer that a key server passes on does not undo what the server has said since', async ({ database }) => {
      const insecure = { server_name: 'notary.test' as ServerName, verify_keys: null, accept_keys_insecurely: true };
      await inWorld(
        database,
        async ({ remote, server, clock }) => {
          const oracle = await server('notary.test');
          const nest = await server('nest.test');
          const then = clock.now();
          nest.validUntil = then + DAY;
          const stale = nest.publishedKeys();
          const before = signed(nest, 'x', then + 1_000);
          nest.rotatesItsKey('new', then);
          nest.validUntil = then + 2 * DAY;
          assert.ok((await remote.keys.verify(signed(nest, 'y', then))).ok);
          oracle.answers.set(QUERY, () => ({ server_keys: [stale] }));
          clock.advance(60_000);
          await remote.keys.verify({ ...signed(nest, 'z'), signatures: { 'ed25519:unknown': 'AAAA' } });
          assert.equal(oracle.asked(QUERY), 1);
          assert.deepEqual(await remote.keys.verify(before), { ok: false, reason: 'no-key' });
        },
        { trusted_key_servers: [insecure] },
      );
    });
  },
  [remoteServers],
);
