import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../events/pdu.ts';
import { isServerAllowed } from './index.ts';

function allowed(content: JsonObject | undefined, ...names: string[]): boolean[] {
  return names.map((name) => isServerAllowed(content, name));
}

test('a room without an ACL is open', () => {
  assert.deepEqual(allowed(undefined, 'one.example', '192.0.2.1'), [true, true]);
});

test('Alice shuts out a bad server, with its subdomains and whatever its port', () => {
  const content = { allow: ['*'], deny: ['evil.example', '*.evil.example'], allow_ip_literals: true };
  assert.deepEqual(allowed(content, 'one.example', 'evil.example', 'EVIL.example', 'a.evil.example', 'evil.example:8448'), [
    true,
    false,
    false,
    false,
    false,
  ]);
  assert.deepEqual(allowed(content, 'notevil.example', '192.0.2.1', '[2001:db8::1]:8448'), [true, true, true]);
});

test('IP literals are shut out by one switch', () => {
  const content = { allow: ['*'], allow_ip_literals: false };
  assert.deepEqual(allowed(content, '192.0.2.1', '192.0.2.1:8448', '[2001:db8::1]', '[2001:db8::1]:8448', 'one.example'), [
    false,
    false,
    false,
    false,
    true,
  ]);
  assert.deepEqual(allowed({ allow: ['*'], allow_ip_literals: 'false' }, '192.0.2.1'), [true]);
});

test('who is not allowed is denied', () => {
  assert.deepEqual(allowed({}, 'one.example'), [false]);
  assert.deepEqual(allowed({ allow: 'one.example' }, 'one.example'), [false]);
  assert.deepEqual(allowed({ allow: [7, 'o?e.example'] }, 'one.example', 'oone.example'), [true, false]);
});

test('deny wins over allow', () => {
  assert.deepEqual(allowed({ allow: ['one.example'], deny: ['one.*'] }, 'one.example'), [false]);
});

test('what is no server name is denied', () => {
  assert.deepEqual(allowed({ allow: ['*'] }, '', 'a b', 'one.example:port', '[::1'), [false, false, false, false]);
});
