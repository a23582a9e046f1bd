import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { randomJsonObject } from '../fixtures/random-json.ts';
import { seededRandom } from '../fixtures/seeded-random.ts';
import {
  SigningKeyError,
  decodeBase64,
  decodeSigningKeys,
  decodeUrlSafeBase64,
  encodeBase64,
  encodeSigningKey,
  encodeUrlSafeBase64,
  generateSigningKey,
  signJson,
  signingKeyIds,
  verifyJson,
} from './index.ts';

/** https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors */
const seed = Buffer.from('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1', 'base64');
const specKey = generateSigningKey(seed, '1');

suite('base64', () => {
  test("the specification's examples", () => {
    const words = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' };
    for (const [plain, encoded] of Object.entries(words)) {
      assert.equal(encodeBase64(Buffer.from(plain)), encoded);
      assert.equal(decodeBase64(encoded)?.toString(), plain);
    }
  });

  test('padding is taken or left; anything else is refused', () => {
    assert.equal(decodeBase64('Zg==')?.toString(), 'f');
    for (const wrong of ['Z', 'Zg=', 'Zm9v=', 'Zm9v====', 'Z g', 'Zg\n', '-_-_', 'Zm=8', 'ZZZZZ'])
      assert.equal(decodeBase64(wrong), undefined, wrong);
  });

  test('the URL-safe alphabet has - and _', () => {
    assert.equal(encodeUrlSafeBase64(Uint8Array.of(0xfb, 0xff)), '-_8');
    assert.deepEqual([...(decodeUrlSafeBase64('-_8') ?? [])], [0xfb, 0xff]);
    assert.equal(decodeUrlSafeBase64('+/8'), undefined);
  });
});

suite('signing keys', () => {
  test("a signing.key file of Synapse's reads and writes back the same", () => {
    const file =
      'ed25519 a_abcd YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0\n\ned25519 old YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XB0\n';
    const [first, second] = decodeSigningKeys(file);
    assert.equal(first.keyId, 'ed25519:a_abcd');
    assert.equal(second?.keyId, 'ed25519:old');
    assert.equal(encodeSigningKey(first), 'ed25519 a_abcd YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0\n');
    assert.equal(first.publicKey, specKey.publicKey);
  });

  test('a broken file is refused with the line, and without the secret', () => {
    const files = [
      '',
      '\n',
      'rsa a_b YJDB',
      'ed25519 a_b',
      'ed25519 a_b YJDBA9Xnr2sVqXD9',
      'ed25519 a:b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1',
      'ed25519 a b c',
    ];
    for (const file of files) {
      assert.throws(
        () => decodeSigningKeys(file),
        (error) => error instanceof SigningKeyError && !error.message.includes('YJDB'),
        file,
      );
    }
  });

  test('a key without a given version gets one of its own', () => {
    const one = generateSigningKey(Buffer.alloc(32, 1));
    const two = generateSigningKey(Buffer.alloc(32, 2));
    assert.match(one.keyId, /^ed25519:a_[0-9a-f]{6}$/);
    assert.notEqual(one.keyId, two.keyId);
  });
});

suite('signed JSON', () => {
  test("the specification's vectors", () => {
    assert.deepEqual(signJson({}, 'domain', specKey), {
      signatures: {
        domain: { 'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ' },
      },
    });
    assert.deepEqual(signJson({ one: 1, two: 'Two' }, 'domain', specKey), {
      one: 1,
      two: 'Two',
      signatures: {
        domain: { 'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw' },
      },
    });
  });

  test('what others signed, and unsigned, stay and are not covered', () => {
    const before = {
      a: 1,
      unsigned: { age: 3 },
      signatures: { 'bob.example': { 'ed25519:b': 'xxxx' }, domain: { 'ed25519:0': 'yyyy' } },
    };
    const signed = signJson(before, 'domain', specKey);
    assert.deepEqual(signingKeyIds(signed, 'domain'), ['ed25519:0', 'ed25519:1']);
    assert.deepEqual(signed.signatures['bob.example'], { 'ed25519:b': 'xxxx' });
    assert.deepEqual(before.signatures.domain, { 'ed25519:0': 'yyyy' });
    assert.ok(verifyJson({ ...signed, unsigned: { age: 99 } }, 'domain', 'ed25519:1', specKey.publicKey));
    assert.ok(verifyJson({ ...signed, unsigned: undefined }, 'domain', 'ed25519:1', `${specKey.publicKey}=`));
  });

  test('a change, another key, another name, or a broken signature does not verify', () => {
    const signed = signJson({ a: 1 }, 'domain', specKey);
    const other = generateSigningKey(Buffer.alloc(32, 7), '1');
    assert.ok(verifyJson(signed, 'domain', 'ed25519:1', specKey.publicKey));
    assert.ok(!verifyJson({ ...signed, a: 2 }, 'domain', 'ed25519:1', specKey.publicKey));
    assert.ok(!verifyJson({ ...signed, b: undefined, c: null }, 'domain', 'ed25519:1', specKey.publicKey));
    assert.ok(!verifyJson(signed, 'domain', 'ed25519:1', other.publicKey));
    assert.ok(!verifyJson(signed, 'domain', 'ed25519:2', specKey.publicKey));
    assert.ok(!verifyJson(signed, 'constructor', 'name', specKey.publicKey));
    assert.ok(!verifyJson(signed, 'domain', 'ed25519:1', 'not a key'));
    for (const signatures of [
      null,
      [],
      'x',
      { domain: null },
      { domain: { 'ed25519:1': 3 } },
      { domain: { 'ed25519:1': 'AAAA' } },
    ]) {
      assert.ok(!verifyJson({ a: 1, signatures }, 'domain', 'ed25519:1', specKey.publicKey));
    }
    assert.ok(!verifyJson({ ...signed, a: 1.5 }, 'domain', 'ed25519:1', specKey.publicKey));
  });

  test('whatever is signed verifies after a journey as JSON', () => {
    for (let at = 1; at <= 60; at++) {
      const signed = signJson(randomJsonObject(seededRandom(at)), 'domain', specKey);
      const received = JSON.parse(JSON.stringify(signed)) as object;
      assert.ok(verifyJson(received, 'domain', 'ed25519:1', specKey.publicKey), `seed ${at}`);
    }
  });
});
