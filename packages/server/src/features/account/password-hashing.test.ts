import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createPasswordHashing } from './password-hashing.ts';

test('a password is right however its letters are composed, and only with the same pepper', async () => {
  const plain = createPasswordHashing({ rounds: 4, pepper: '' });
  const peppered = createPasswordHashing({ rounds: 4, pepper: 'a secret of the server' });
  const hash = await peppered.hash('Cafe\u0301 ﬁn');
  assert.ok(await peppered.matches('Caf\u00e9 fin', hash));
  assert.ok(!(await peppered.matches('Cafe fin', hash)));
  assert.ok(!(await plain.matches('Caf\u00e9 fin', hash)));
});

test('hashes as Python makes them verify', async () => {
  // bcrypt.hashpw(b'U*U', …) of the test vectors that came with crypt_blowfish, in both spellings.
  const hashing = createPasswordHashing({ rounds: 4, pepper: '' });
  for (const version of ['2a', '2b', '2y']) {
    const hash = `$${version}$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`;
    assert.ok(await hashing.matches('U*U', hash), version);
    assert.ok(!(await hashing.matches('U*U*', hash)), version);
  }
});

test('what follows the 72nd byte does not count, pepper included', async () => {
  const hashing = createPasswordHashing({ rounds: 4, pepper: 'pepper' });
  const hash = await hashing.hash('x'.repeat(80));
  assert.ok(await hashing.matches('x'.repeat(72), hash));
});

test('many at once are all answered', async () => {
  const hashing = createPasswordHashing({ rounds: 4, pepper: '' });
  const hashes = await Promise.all(Array.from({ length: 20 }, (_, number) => hashing.hash(`password ${number}`)));
  const matches = await Promise.all(hashes.map((hash, number) => hashing.matches(`password ${number}`, hash)));
  assert.ok(matches.every(Boolean));
  await hashing.pretend('whoever');
});
