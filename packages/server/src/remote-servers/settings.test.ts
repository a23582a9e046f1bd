import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ServerName } from '@myelin/protocol/identifiers';

import { federatesWith } from './settings.ts';

const sorts = (whitelist: readonly string[] | null, denylist: readonly string[], names: readonly string[]): boolean[] => {
  const config = { federation_domain_whitelist: whitelist, federation_domain_denylist: denylist };
  return names.map((name) => federatesWith(config)(name as ServerName));
};

test('who is denied stays out in other letters and on other ports, and brings nobody along', () => {
  const names = ['spam.example', 'SPAM.example', 'spam.example:8448', 'a.spam.example', 'notspam.example', 'spam.example.org'];
  assert.deepEqual(sorts(null, ['spam.example'], names), [false, false, false, true, true, true]);
  assert.deepEqual(sorts(null, ['*.spam.example'], names), [true, true, true, false, true, true]);
  assert.deepEqual(
    sorts(null, ['*spam*'], names),
    names.map(() => false),
  );
});

test('one port may be denied, and addresses', () => {
  assert.deepEqual(sorts(null, ['one.example:8449'], ['one.example', 'one.example:8449']), [true, false]);
  assert.deepEqual(sorts(null, ['[2001:db8::?]', '192.0.2.*'], ['[2001:db8::1]:8448', '[2001:db8::11]', '192.0.2.7:80']), [
    false,
    true,
    false,
  ]);
});

test('who is denied is so though the whitelist names it', () => {
  assert.deepEqual(sorts(['one.example', 'two.example'], ['one.*'], ['one.example', 'two.example', 'three.example']), [
    false,
    true,
    false,
  ]);
});
