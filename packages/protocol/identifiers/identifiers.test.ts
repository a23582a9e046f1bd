import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import {
  domainOf,
  isCompliantUserId,
  isDeviceId,
  isEventId,
  isNamespacedId,
  isOpaqueId,
  isRoomAlias,
  isRoomId,
  isServerKeyId,
  isUserId,
  isValidLocalpart,
  localpartOf,
  mapToLocalpart,
  parseEventId,
  parseKeyId,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
  roomAlias,
  roomId,
  userId,
} from './index.ts';
import type { ServerName, UserId } from './index.ts';

const example = 'example.org' as ServerName;
const hash = 'Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg';

suite('server names', () => {
  const good: [text: string, kind: string, host: string, port?: number][] = [
    ['matrix.org', 'dns', 'matrix.org'],
    ['matrix.org:8888', 'dns', 'matrix.org', 8888],
    ['1.2.3.4', 'ipv4', '1.2.3.4'],
    ['1.2.3.4:1234', 'ipv4', '1.2.3.4', 1234],
    ['[1234:5678::abcd]', 'ipv6', '1234:5678::abcd'],
    ['[1234:5678::abcd]:5678', 'ipv6', '1234:5678::abcd', 5678],
    ['[::ffff:1.2.3.4]', 'ipv6', '::ffff:1.2.3.4'],
    ['localhost', 'dns', 'localhost'],
    ['EXAMPLE.org', 'dns', 'EXAMPLE.org'],
    ['1.2.3', 'dns', '1.2.3'],
    ['a'.repeat(255), 'dns', 'a'.repeat(255)],
  ];
  for (const [text, kind, host, port] of good) {
    test(`${text.slice(0, 30)} is one`, () => assert.deepEqual(parseServerName(text), { name: text, kind, host, port }));
  }

  const bad = [
    '',
    ':80',
    'a b',
    'a_b.org',
    'münchen.de',
    'a.org:',
    'a.org:x',
    'a.org:123456',
    'a.org:65536',
    '256.1.1.1',
    '[::1',
    '::1',
    '[zz::1]',
    '[1::2::3]',
    '[]',
    'a.org/x',
    'a.org\n',
    '@a.org',
    'a'.repeat(256),
  ];
  for (const text of bad)
    test(`${JSON.stringify(text.slice(0, 30))} is none`, () => assert.equal(parseServerName(text), undefined));
});

suite('user ids', () => {
  test('Alice has a localpart and a server', () => {
    assert.deepEqual(parseUserId('@alice:example.org:8448'), { localpart: 'alice', server: 'example.org:8448' });
    assert.equal(userId('alice', example), '@alice:example.org');
  });

  test('people from before the grammar was narrowed are let in, but not told of', () => {
    for (const text of ['@:example.org', '@Alice:example.org', '@álïce 🎈:example.org', '@a\u0001:example.org', '@__proto__:x'])
      assert.ok(isUserId(text), text);
    assert.ok(isCompliantUserId('@Alice!:example.org'));
    for (const text of ['@:example.org', '@á:example.org', '@a b:example.org']) assert.ok(!isCompliantUserId(text), text);
  });

  test('what is none', () => {
    for (const text of [
      '',
      '@',
      '@alice',
      'alice:example.org',
      '#alice:example.org',
      '@alice:',
      '@alice:a b',
      '@a\0:b',
      '@a\ud800:b',
      ' @a:b',
      '@a:b:c:d',
    ]) {
      assert.ok(!isUserId(text), JSON.stringify(text));
    }
  });

  test('255 bytes are enough for anyone, counted in UTF-8 with sigil and server', () => {
    assert.ok(isUserId(`@${'a'.repeat(242)}:example.org`));
    assert.ok(!isUserId(`@${'a'.repeat(243)}:example.org`));
    assert.ok(isUserId(`@${'ä'.repeat(121)}:example.org`));
    assert.ok(!isUserId(`@${'ä'.repeat(122)}:example.org`));
    assert.throws(() => userId('a'.repeat(243), example), RangeError);
  });

  test('new users have a-z, 0-9 and ._=-/+', () => {
    for (const localpart of ['alice', 'a.b_c=d-e/f+g', '0']) assert.ok(isValidLocalpart(localpart), localpart);
    for (const localpart of ['', 'Alice', 'a b', 'á', 'a:b', 'a\n', 'a@b', 'a!'])
      assert.ok(!isValidLocalpart(localpart), localpart);
  });

  test('names from elsewhere are mapped as the specification suggests', () => {
    assert.equal(mapToLocalpart('Alice#á='), 'alice=23=c3=a1=3d');
    assert.equal(mapToLocalpart('A_b', { distinguishCase: true }), '_a__b');
    assert.ok(isValidLocalpart(mapToLocalpart('Zoë 🎈\n')));
  });
});

suite('rooms and events', () => {
  test('room ids with a server, and without since version 12', () => {
    assert.deepEqual(parseRoomId('!Abc.:example.org'), { opaque: 'Abc.', server: 'example.org' });
    assert.deepEqual(parseRoomId(`!${hash}`), { opaque: hash, server: undefined });
    assert.equal(roomId('abc', example), '!abc:example.org');
    for (const text of ['!', '!abc', `!${hash}x`, '#a:b', '!a:', `!${hash.slice(1)}`, `!${'a'.repeat(250)}:b.org`])
      assert.ok(!isRoomId(text), text);
  });

  test('event ids of every version', () => {
    assert.deepEqual(parseEventId('$1:example.org'), { opaque: '1', server: 'example.org' });
    assert.deepEqual(parseEventId(`$${hash}`), { opaque: hash, server: undefined });
    assert.ok(isEventId('$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk'));
    for (const text of ['$', '$x', `!${hash}`, `$${hash}=`, '$a:b c']) assert.ok(!isEventId(text), text);
  });

  test('aliases hold any text', () => {
    assert.deepEqual(parseRoomAlias('#Küche 🍳:example.org'), { localpart: 'Küche 🍳', server: 'example.org' });
    assert.equal(roomAlias('', example), '#:example.org');
    for (const text of ['#a', '#a\0:b', '#a:', '@a:b']) assert.ok(!isRoomAlias(text), text);
    assert.throws(() => roomAlias('a:b c', example), RangeError);
  });

  test('what stands before and after the colon', () => {
    assert.equal(domainOf('@alice:example.org:8448' as UserId), 'example.org:8448');
    const room = `!${hash}`;
    assert.ok(isRoomId(room));
    assert.equal(domainOf(room), undefined);
    assert.equal(localpartOf(room), hash);
    assert.equal(localpartOf('@alice:example.org:8448' as UserId), 'alice');
  });
});

suite('devices and keys', () => {
  test('a device may have any name that does no harm', () => {
    for (const text of ['GHTYAJCE', 'my phone', '🎈']) assert.ok(isDeviceId(text), text);
    for (const text of ['', 'a\0b', '\ud800', 'x'.repeat(256), 'ä'.repeat(128)]) assert.ok(!isDeviceId(text));
  });

  test('key ids', () => {
    assert.deepEqual(parseKeyId('signed_curve25519:AAAAHg'), { algorithm: 'signed_curve25519', name: 'AAAAHg' });
    for (const text of ['', 'a', ':a', 'a:']) assert.equal(parseKeyId(text), undefined, text);
    assert.ok(isServerKeyId('ed25519:a_abcd'));
    for (const text of ['ed25519:', 'ed25519:a-b', 'rsa:a', 'ed25519:a:b']) assert.ok(!isServerKeyId(text), text);
  });

  test('opaque and namespaced identifiers', () => {
    assert.ok(isOpaqueId('Az09-._~'));
    for (const text of ['', 'a b', 'ä', 'a:b', 'x'.repeat(256)]) assert.ok(!isOpaqueId(text));
    assert.ok(isNamespacedId('org.example.thing-1_2'));
    for (const text of ['', '1a', 'A', '.a', 'a'.repeat(256), 'a\n']) assert.ok(!isNamespacedId(text));
  });
});
