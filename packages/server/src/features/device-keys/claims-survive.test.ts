import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import {
  createContractCheck,
  noPostgresReason,
  type Person,
  postgresDatabases,
  ServerProcess,
  sqliteDatabases,
  type TestDatabases,
} from '@myelin/testing';

import { claims, DeviceCrypto } from './key-ring.fixture.ts';

const main = fileURLToPath(new URL('../../main.ts', import.meta.url));

const left = async (person: Person): Promise<number> => {
  const { signed_curve25519: count } = (await person.syncs()).device_one_time_keys_count;
  return count;
};

suite('SQLite', sqliteDatabases, undefined);
suite('PostgreSQL', postgresDatabases(), noPostgresReason());

function suite(label: string, databases: TestDatabases | undefined, skip: string | undefined): void {
  describe(`claims and power cuts (${label})`, { skip: skip ?? false }, () => {
    test('what was claimed when the power went stays claimed; what an operator voids is void', async () => {
      assert.ok(databases);
      const server = await ServerProcess.start(databases);
      const contract = await createContractCheck();
      const people: Person[] = [];
      try {
        for (const name of ['alice', 'bob']) people.push(await server.registers(name, `${name}'s secret`, contract));
        const [alice, bob] = people as [Person, Person];
        await new DeviceCrypto(alice).publishes(30);
        const given: string[] = [];
        for (let round = 0; round < 3; round++) {
          // Some are answered, the rest are under way when the power goes.
          const claiming = Array.from({ length: 8 }, async (_, at) => {
            const key = await claims(bob, alice);
            if (key) given.push(key[0]);
            if (at === 3) await server.kill();
          });
          await Promise.allSettled(claiming);
          await server.start();
        }
        assert.ok(given.length >= 3, `${given.length} claims were answered`);
        const count = await left(alice);
        assert.ok(count <= 30 - given.length, `${count} are left of 30 of which ${given.length} were given`);
        for (let rest = 0; rest < count; rest++) given.push((await claims(bob, alice))?.[0] ?? 'none');
        assert.equal(new Set(given).size, given.length, 'no key was given twice');
        assert.ok(!given.includes('none'));

        await new DeviceCrypto(bob).publishes(5);
        assert.equal(await left(bob), 5);
        await server.kill();
        const { stdout } = await promisify(execFile)(process.execPath, [main, 'void-one-time-keys', '-c', server.configPath]);
        assert.match(stdout, /^All one-time keys are void\./);
        await server.start();
        assert.equal(await left(bob), 0);
      } finally {
        for (const person of people) await person.http.close();
        await server.stop();
      }
      assert.deepEqual(contract.takeViolations(), [], 'answers that the spec does not allow');
    });
  });
}
