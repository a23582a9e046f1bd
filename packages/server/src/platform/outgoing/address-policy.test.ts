import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { createAddressPolicy } from './address-policy.ts';

const policy = createAddressPolicy({
  blocked: ['10.0.0.0/8', '127.0.0.0/8', '::1/128', 'fc00::/7', '64:ff9b::/96'],
  allowed: ['10.1.2.0/24', 'fd00:1::/32'],
});

suite('which addresses requests may go to', () => {
  const table: Readonly<Record<string, boolean>> = {
    '93.184.216.34': true,
    '10.0.0.1': false,
    '10.1.2.3': true,
    '127.8.9.10': false,
    '0.0.0.0': false,
    '::': false,
    '::1': false,
    'fd00::1': false,
    'fd00:1::1': true,
    '2606:2800:220:1::1': true,
    // IPv4 in other clothes.
    '::ffff:10.0.0.1': false,
    '::ffff:a00:1': false,
    '::ffff:93.184.216.34': true,
    '::ffff:10.1.2.3': true,
    '::ffff:0.0.0.0': false,
    '::10.0.0.1': false,
    '64:ff9b::10.0.0.1': false,
    '64:ff9b::10.1.2.3': true,
    '2002:0a00:0001::1': false,
    '2002:5db8:d822::1': true,
    'fe80::1%eth0': true,
    'hive.test': false,
    '': false,
  };
  for (const [address, allowed] of Object.entries(table)) {
    test(`${address || 'nothing'} is ${allowed ? 'allowed' : 'refused'}`, () => assert.equal(policy.allows(address), allowed));
  }

  test('0.0.0.0 is refused whatever is allowed; what is no range is a mistake', () => {
    assert.equal(createAddressPolicy({ blocked: [], allowed: ['0.0.0.0/0', '::/0'] }).allows('0.0.0.0'), false);
    assert.throws(() => createAddressPolicy({ blocked: ['hive.test'], allowed: [] }), /is no range/);
  });
});
