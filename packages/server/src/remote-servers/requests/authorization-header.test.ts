import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { seededRandom } from '../../../../protocol/fixtures/seeded-random.ts';
import { readXMatrix } from './authorization-header.ts';

suite('the Authorization header of servers', () => {
  const good: Readonly<Record<string, string | undefined>> = {
    'X-Matrix origin="hive.test",destination="nest.test",key="ed25519:a_1",sig="AbC+/9"': 'nest.test',
    'x-matrix   origin=hive.test,destination=nest.test,key=ed25519:a_1,sig="AbC+/9"': 'nest.test',
    'X-Matrix SIG="AbC+/9" ,\t Key=ed25519:a_1 , destination="nest.test:8448", Origin="hive.test"': 'nest.test:8448',
    'X-Matrix origin="hi\\ve.test",key="ed25519:a_1",sig="AbC+/9"': undefined,
    'X-Matrix origin="hive.test",key="ed25519:a_1",sig="AbC+/9",more="a,b=\\"c\\""': undefined,
    'X-Matrix origin="hive.test",key="ed25519:a_1",sig="AbC+/9",': undefined,
  };
  for (const [header, destination] of Object.entries(good)) {
    test(header, () => {
      assert.deepEqual(readXMatrix(header), { origin: 'hive.test', destination, key: 'ed25519:a_1', signature: 'AbC+/9' });
    });
  }

  const bad = [
    '',
    'Bearer abc',
    'X-Matrix',
    'X-Matrix origin="hive.test",key="ed25519:a_1"',
    'X-Matrix origin="hive.test",sig="AbC"',
    'X-Matrix origin="not a name",key="ed25519:a_1",sig="AbC"',
    'X-Matrix origin="hive.test",key="rsa:1",sig="AbC"',
    'X-Matrix origin="hive.test,key="ed25519:a_1",sig="AbC"',
    'X-Matrix origin="hive.test" key="ed25519:a_1" sig="AbC"',
    `X-Matrix origin="hive.test",key="ed25519:a_1",sig="${'A'.repeat(5_000)}"`,
  ];
  test('whatever is changed about a good one, it is read or refused, and soon', () => {
    const header = Object.keys(good)[0] ?? '';
    const random = seededRandom(1);
    const odd = [' ', '\t', '"', ',', '=', '\\', ':', '%', 'é', '\0', 'X', '-'];
    for (let time = 0; time < 2_000; time++) {
      const at = random.below(header.length);
      const changed = header.slice(0, at) + random.pick(odd).repeat(1 + random.below(50)) + header.slice(at + random.below(3));
      const read = readXMatrix(changed);
      if (read) assert.match(read.key, /^ed25519:/);
    }
  });

  for (const header of bad) test(`refused: ${header.slice(0, 80)}`, () => assert.equal(readXMatrix(header), undefined));
});
