import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { systemClock } from '../clock.ts';
import { createSystemResolver, parseHosts } from './resolver.ts';

suite('the hosts file', () => {
  test('names have all their addresses; comments and nonsense are passed over', () => {
    const names = parseHosts('127.0.0.1 localhost LocalHost.test # here\n::1 localhost\nx y z\n\n#10.0.0.1 hidden\n');
    assert.deepEqual(
      names.get('localhost')?.map(({ address }) => address),
      ['127.0.0.1', '::1'],
    );
    assert.equal(names.get('localhost.test')?.length, 1);
    assert.equal(names.size, 2);
  });

  test('what this machine knows by itself needs no DNS', async () => {
    const addresses = await createSystemResolver(systemClock).addresses('LOCALHOST.');
    assert.ok(addresses.some(({ address }) => address === '127.0.0.1' || address === '::1'));
  });
});
