import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { suite, test } from 'node:test';

import type { ServerName } from '@myelin/protocol/identifiers';
import { generateSigningKey, signJson, verifyJson } from '@myelin/protocol/signatures';

import { randomJsonObject } from '../../../../protocol/fixtures/random-json.ts';
import { seededRandom } from '../../../../protocol/fixtures/seeded-random.ts';
import { createTestClock } from '../../platform/clock.ts';
import { createOwnKeys } from './own-keys.ts';
import { readPublishedKeys } from './server-keys.ts';

const hive = 'hive.test' as ServerName;
const HOUR = 3_600_000;
const key = (version: string) => generateSigningKey(hash('sha256', version, 'buffer'), version);

suite('own keys', () => {
  const clock = createTestClock();
  const ownKeys = createOwnKeys({
    serverName: hive,
    signingKeys: [key('one'), key('two')],
    oldSigningKeys: { 'ed25519:zero': { key: `${key('zero').publicKey}=`, expired_ts: 1_000 } },
    validForMs: 24 * HOUR,
    clock,
  });

  test('every key in use signs, old ones are told with their end', async () => {
    const published = ownKeys.published();
    for (const version of ['one', 'two']) assert.ok(verifyJson(published, hive, `ed25519:${version}`, key(version).publicKey));
    assert.deepEqual(published.old_verify_keys, { 'ed25519:zero': { key: key('zero').publicKey, expired_ts: 1_000 } });
    const read = await readPublishedKeys(JSON.parse(JSON.stringify(published)), clock.now());
    assert.deepEqual(
      read?.keys.map(({ keyId, retired, validUntil }) => [keyId, retired, validUntil]),
      [
        ['ed25519:one', false, clock.now() + 24 * HOUR],
        ['ed25519:two', false, clock.now() + 24 * HOUR],
        ['ed25519:zero', true, 1_000],
      ],
    );
    assert.equal(ownKeys.signingKey.keyId, 'ed25519:one');
  });

  test('whenever they are asked for, they are valid for most of the time that is set', () => {
    for (let hour = 0; hour < 30; hour++) {
      clock.advance(HOUR);
      assert.ok(ownKeys.published().valid_until_ts > clock.now() + 23 * HOUR);
    }
    const hasty = createOwnKeys({ serverName: hive, signingKeys: [key('one')], oldSigningKeys: {}, validForMs: 1, clock });
    assert.ok(hasty.published().valid_until_ts >= clock.now() + HOUR);
  });

  test('whatever strangers publish, it is keys or it is nothing', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const strange = randomJsonObject(seededRandom(seed));
      const rows = [
        strange,
        { ...ownKeys.published(), ...strange },
        { ...ownKeys.published(), verify_keys: strange, old_verify_keys: strange },
      ];
      for (const row of rows) await readPublishedKeys(row, clock.now());
      const odd = signJson({ ...ownKeys.published(), old_verify_keys: strange }, hive, key('one'));
      assert.equal((await readPublishedKeys(odd, clock.now()))?.keys.length, 2, `seed ${seed}`);
    }
  });
});
