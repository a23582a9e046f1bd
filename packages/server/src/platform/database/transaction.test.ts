import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { ConstraintError, migration, sql, type Database } from './index.ts';

const schema = [
  migration({
    id: 1,
    name: 'accounts',
    up: (dialect) => [`CREATE TABLE accounts (owner ${dialect.text} PRIMARY KEY, coins ${dialect.integer} NOT NULL)`],
  }),
];

async function coins(database: Database): Promise<Record<string, number>> {
  const rows = await database.all(sql<{ owner: string; coins: number }>`SELECT owner, coins FROM accounts ORDER BY owner`);
  return Object.fromEntries(rows.map((row) => [row.owner, row.coins]));
}

async function open(database: Database, ...owners: string[]): Promise<void> {
  await database.write((tx) =>
    tx.insertMany(
      'accounts',
      ['owner', 'coins'],
      owners.map((owner) => [owner, 10]),
    ),
  );
}

forEachDatabase(
  'an interactive transaction',
  ({ test }) => {
    test('reads what it wrote, and others see it when it is committed', async ({ database }) => {
      await open(database, 'alice');
      const heard: string[] = [];
      const result = await database.transaction(async (tx) => {
        tx.onCommit(() => heard.push('committed'));
        tx.run(sql`UPDATE accounts SET coins = coins + ${5} WHERE owner = ${'alice'}`);
        assert.deepEqual(await tx.get(sql`SELECT coins FROM accounts WHERE owner = ${'alice'}`), { coins: 15 });
        assert.deepEqual(await coins(database), { alice: 10 });
        const rows = await tx.all(
          sql<{ coins: number }>`UPDATE accounts SET coins = coins + ${1} WHERE owner = ${'alice'} RETURNING coins`,
        );
        assert.equal(await tx.change(sql`UPDATE accounts SET coins = coins WHERE owner = ${'nobody'}`), 0);
        tx.insertMany('accounts', ['owner', 'coins'], [['bob', 1]]);
        assert.deepEqual(heard, []);
        return rows[0]?.coins;
      });
      assert.equal(result, 16);
      assert.deepEqual(heard, ['committed']);
      assert.deepEqual(await coins(database), { alice: 16, bob: 1 });
    });

    test('leaves nothing when its work throws', async ({ database }) => {
      await open(database, 'alice');
      const failing = database.transaction(async (tx) => {
        assert.equal(await tx.change(sql`DELETE FROM accounts`), 1);
        tx.run(sql`INSERT INTO accounts (owner, coins) VALUES (${'mallory'}, ${1000})`);
        throw new RangeError('Alice has changed her mind');
      });
      await assert.rejects(failing, RangeError);
      assert.deepEqual(await coins(database), { alice: 10 });
    });

    test('cannot be committed after a statement failed, even when the failure is ignored', async ({ database }) => {
      await open(database, 'alice');
      const failing = database.transaction(async (tx) => {
        await tx.change(sql`INSERT INTO accounts (owner, coins) VALUES (${'bob'}, ${1})`);
        await tx.change(sql`INSERT INTO accounts (owner, coins) VALUES (${'alice'}, ${1})`).catch(() => 0);
        return 'fine';
      });
      await assert.rejects(failing, ConstraintError);
      const failingAtTheEnd = database.transaction(async (tx) => {
        await Promise.resolve();
        tx.run(sql`INSERT INTO accounts (owner, coins) VALUES (${'alice'}, ${1})`);
      });
      await assert.rejects(failingAtTheEnd, ConstraintError);
      assert.deepEqual(await coins(database), { alice: 10 });
    });

    test('ten at once give away ten coins, none of them twice', async ({ database }) => {
      await open(database, 'alice', 'bob');
      const give = () =>
        database.transaction(async (tx) => {
          const alice = await tx.get(sql<{ coins: number }>`SELECT coins FROM accounts WHERE owner = ${'alice'}`);
          const left = (alice?.coins ?? 0) - 1;
          if (left < 0) return false;
          tx.run(sql`UPDATE accounts SET coins = ${left} WHERE owner = ${'alice'}`);
          tx.run(sql`UPDATE accounts SET coins = coins + 1 WHERE owner = ${'bob'}`);
          return true;
        });
      const given = await Promise.all(Array.from({ length: 12 }, give));
      assert.equal(given.filter(Boolean).length, 10);
      assert.deepEqual(await coins(database), { alice: 0, bob: 20 });
    });

    test('batches and transactions go on side by side', async ({ database }) => {
      await open(database, 'alice');
      await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          index % 3 === 0
            ? database.transaction(async (tx) => {
                await tx.change(sql`UPDATE accounts SET coins = coins + 1 WHERE owner = ${'alice'}`);
              })
            : database.write((tx) => tx.run(sql`UPDATE accounts SET coins = coins + 1 WHERE owner = ${'alice'}`)),
        ),
      );
      assert.deepEqual(await coins(database), { alice: 20 });
    });

    test('tells a programmer who would wait for himself', async ({ database }) => {
      const waiting = database.transaction(async () => {
        await database.write((tx) => tx.run(sql`DELETE FROM accounts`));
      });
      await assert.rejects(waiting, /wait for itself/);
      await open(database, 'alice');
    });

    test('takes nothing in when it has ended', async ({ database }) => {
      const escaped = await database.transaction(async (tx) => Promise.resolve({ tx }));
      assert.throws(() => escaped.tx.run(sql`DELETE FROM accounts`), /has ended/);
    });
  },
  schema,
);
