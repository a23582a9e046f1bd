import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { ConstraintError, inList, LaneBrokenError, migration, sql, sqlPart, type Database } from './index.ts';

const schema = [
  migration({
    id: 1,
    name: 'letters',
    up: (dialect) => [
      `CREATE TABLE letters (
        id ${dialect.integer} PRIMARY KEY,
        author ${dialect.text} NOT NULL,
        body ${dialect.text},
        seal ${dialect.blob},
        sent ${dialect.integer} NOT NULL DEFAULT 0
      )`,
    ],
  }),
];

interface Letter {
  id: number;
  author: string;
  body: string | null;
}

const letterColumns = ['id', 'author', 'body'];

async function ids(database: Database): Promise<number[]> {
  return (await database.all(sql<{ id: number }>`SELECT id FROM letters ORDER BY id`)).map((row) => row.id);
}

function letter(id: number, author = 'alice', body: string | null = null) {
  return sql`INSERT INTO letters (id, author, body) VALUES (${id}, ${author}, ${body})`;
}

forEachDatabase(
  'a database',
  ({ test }) => {
    test('Alice writes a letter and reads it back', async ({ database }) => {
      await database.write((tx) => tx.run(letter(1, 'alice', 'Dear Bob')));
      assert.deepEqual(await database.get(sql<Letter>`SELECT id, author, body FROM letters WHERE id = ${1}`), {
        id: 1,
        author: 'alice',
        body: 'Dear Bob',
      });
      assert.equal(await database.get(sql`SELECT id FROM letters WHERE id = ${2}`), undefined);
    });

    test('every kind of value comes back as it was', async ({ database }) => {
      const seal = Uint8Array.of(0, 1, 127, 128, 255);
      const largest = Number.MAX_SAFE_INTEGER;
      const body = 'tab\tnul\0quote\'"back\\slash {a,b} \u{fdd0} \u{1f600}';
      await database.write((tx) =>
        tx.run(sql`INSERT INTO letters (id, author, body, seal, sent) VALUES (${largest}, ${''}, ${body}, ${seal}, ${true})`),
      );
      const row = await database.get(sql`SELECT * FROM letters WHERE body = ${body} AND seal = ${seal} AND sent = ${true}`);
      assert.deepEqual(row, { id: largest, author: '', body, seal, sent: 1 });
      await database.write((tx) =>
        tx.insertMany(
          'letters',
          ['id', 'author', 'body', 'seal'],
          [
            [-1, 'a', body, seal],
            [-2, 'b', null, null],
          ],
        ),
      );
      const many = await database.all(sql`SELECT body, seal FROM letters WHERE id < ${0} ORDER BY id DESC`);
      assert.deepEqual(many, [
        { body, seal },
        { body: null, seal: null },
      ]);
    });

    test('counts, sums and comparisons are numbers', async ({ database }) => {
      await database.write((tx) =>
        tx.insertMany('letters', letterColumns, [
          [1, 'alice', 'x'],
          [2, 'bob', 'y'],
          [5, 'alice', 'z'],
        ]),
      );
      const row = await database.get(
        sql`SELECT count(*) AS count, sum(id) AS sum, max(id) AS max, max(id) > 3 AS big FROM letters`,
      );
      assert.deepEqual(row, { count: 3, sum: 8, max: 5, big: 1 });
    });

    test('a list is one parameter, however long', async ({ database }) => {
      const author = 'O\'Hara "the" {pen}, \\ \u{1f58b}';
      const seals = [Uint8Array.of(1, 2), Uint8Array.of(255)];
      await database.write((tx) => {
        tx.insertMany(
          'letters',
          letterColumns,
          Array.from({ length: 100 }, (_, index) => [index, `author ${index}`, null]),
        );
        tx.run(sql`UPDATE letters SET author = ${author}, seal = ${seals[0]} WHERE id = ${7}`);
      });
      const query = (list: number[]) =>
        sql<{ id: number }>`SELECT id FROM letters WHERE id ${inList(list)} AND id > ${2} ORDER BY id`;
      assert.deepEqual(await database.all(query([1, 3, 50, 1000])), [{ id: 3 }, { id: 50 }]);
      assert.deepEqual(await database.all(query([])), []);
      assert.deepEqual(await database.all(sql`SELECT id FROM letters WHERE author ${inList([author])}`), [{ id: 7 }]);
      assert.deepEqual(await database.all(sql`SELECT id FROM letters WHERE seal ${inList(seals)}`), [{ id: 7 }]);
    });

    test('text that statements share is a part of them', async ({ database }) => {
      const columns = sqlPart('id, author');
      await database.write((tx) => tx.run(letter(1)));
      assert.deepEqual(await database.all(sql`SELECT ${columns} FROM letters WHERE id = ${1}`), [{ id: 1, author: 'alice' }]);
    });

    test('a batch is all or nothing, and its neighbours do not suffer', async ({ database }) => {
      await database.write((tx) => tx.run(letter(5)));
      const results = await Promise.allSettled([
        database.write((tx) => tx.run(letter(1))),
        database.write((tx) => {
          tx.run(letter(2));
          tx.run(letter(5));
        }),
        database.write((tx) => tx.run(letter(3))),
      ]);
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      const reason: unknown = results[1]?.status === 'rejected' ? results[1].reason : undefined;
      assert.ok(reason instanceof ConstraintError && reason.kind === 'unique', String(reason));
      assert.deepEqual(await ids(database), [1, 3, 5]);
    });

    test('callbacks run in order, after the commit and before the promise', async ({ database }) => {
      const heard: string[] = [];
      await Promise.all(
        ['first', 'second', 'third'].map(async (name, index) => {
          const result = await database.write((tx) => {
            tx.onCommit(() => heard.push(`${name} committed`));
            tx.onCommit(() => heard.push(`${name} woken`));
            tx.run(letter(index));
            return name;
          });
          assert.ok(heard.includes(`${result} woken`));
        }),
      );
      assert.equal(heard.length, 6);
      assert.ok(heard.indexOf('first committed') < heard.indexOf('first woken'));
    });

    test('a batch that fails calls nothing back', async ({ database }) => {
      await database.write((tx) => tx.run(letter(1)));
      let called = false;
      const failing = database.write((tx) => {
        tx.onCommit(() => (called = true));
        tx.run(letter(1));
      });
      await assert.rejects(failing, ConstraintError);
      assert.equal(called, false);
    });

    test('work that throws writes nothing', async ({ database }) => {
      const failing = database.write((tx) => {
        tx.run(letter(1));
        throw new RangeError('Bob changed his mind');
      });
      await assert.rejects(failing, RangeError);
      await assert.rejects(
        database.write(async (tx) => {
          tx.run(letter(2));
          return Promise.resolve();
        }),
        TypeError,
      );
      assert.deepEqual(await ids(database), []);
    });

    test('an empty batch succeeds and calls back', async ({ database }) => {
      let called = 0;
      await database.write((tx) => tx.onCommit(() => called++));
      await database.write(
        (tx) => {
          tx.onCommit(() => called++);
          tx.insertMany('letters', letterColumns, []);
        },
        { lane: database.openLane() },
      );
      assert.equal(called, 2);
    });

    test('a lane keeps its order and stops at the first failure', async ({ database }) => {
      const lane = database.openLane();
      const order: number[] = [];
      const write = (id: number, failing = false) =>
        database.write(
          (tx) => {
            tx.onCommit(() => order.push(id));
            tx.run(letter(id));
            if (failing) tx.run(letter(id));
          },
          { lane },
        );
      const results = await Promise.allSettled([write(1), write(2), write(3, true), write(4), write(5)]);
      assert.deepEqual(order, [1, 2]);
      assert.ok(results[2]?.status === 'rejected' && results[2].reason instanceof ConstraintError);
      for (const late of results.slice(3)) assert.ok(late.status === 'rejected' && late.reason instanceof LaneBrokenError);
      assert.equal(lane.broken, true);
      await assert.rejects(write(6), LaneBrokenError);
      await database.write((tx) => tx.run(letter(7)), { lane: database.openLane() });
      assert.deepEqual(await ids(database), [1, 2, 7]);
    });

    test('many lanes at once each keep their order', async ({ database }) => {
      const committed = new Map<number, number[]>();
      const writes: Promise<void>[] = [];
      for (let lane = 0; lane < 5; lane++) {
        const own = database.openLane();
        const order: number[] = [];
        committed.set(lane, order);
        for (let step = 0; step < 20; step++) {
          writes.push(
            database.write(
              (tx) => {
                tx.run(sql`INSERT INTO letters (id, author) VALUES (${lane}, ${'0'}) ON CONFLICT DO NOTHING`);
                tx.run(sql`UPDATE letters SET author = ${String(step)} WHERE id = ${lane}`);
                tx.onCommit(() => order.push(step));
              },
              { lane: own },
            ),
          );
        }
      }
      await Promise.all(writes);
      for (const order of committed.values())
        assert.deepEqual(
          order,
          Array.from({ length: 20 }, (_, step) => step),
        );
      assert.deepEqual(await database.all(sql`SELECT DISTINCT author FROM letters`), [{ author: '19' }]);
    });

    test('many rows go in with one statement, and conflicts are settled as it says', async ({ database }) => {
      await database.write((tx) =>
        tx.insertMany('letters', letterColumns, [
          [1, 'alice', 'old'],
          [2, 'bob', 'old'],
        ]),
      );
      await database.write((tx) => {
        tx.insertMany(
          'letters',
          letterColumns,
          [
            [2, 'bob', 'new'],
            [3, 'carol', 'new'],
          ],
          '(id) DO UPDATE SET body = excluded.body',
        );
        tx.insertMany('letters', letterColumns, [[1, 'mallory', 'forged']], '(id) DO NOTHING');
      });
      const rows = await database.all(sql`SELECT id, author, body FROM letters ORDER BY id`);
      assert.deepEqual(rows, [
        { id: 1, author: 'alice', body: 'old' },
        { id: 2, author: 'bob', body: 'new' },
        { id: 3, author: 'carol', body: 'new' },
      ]);
    });

    test('a statement that is wrong fails alone', async ({ database }) => {
      await assert.rejects(database.all(sql`SELECT nothing FROM nowhere`), { name: 'DatabaseError' });
      await assert.rejects(
        database.write((tx) => tx.run(sql`DELETE FROM nowhere`)),
        { name: 'DatabaseError' },
      );
      await assert.rejects(database.all(sql`SELECT id FROM letters WHERE id = ${undefined}`), TypeError);
      assert.deepEqual(await ids(database), []);
    });

    test('what is written is there after a restart', async ({ database, reopen }) => {
      await database.write((tx) => tx.run(letter(1)));
      assert.deepEqual(await ids(await reopen()), [1]);
    });

    test('closing waits for what was handed in', async ({ database, reopen }) => {
      const writes = Array.from({ length: 20 }, (_, id) => database.write((tx) => tx.run(letter(id))));
      const again = await reopen();
      await Promise.all(writes);
      assert.equal((await ids(again)).length, 20);
      await assert.rejects(
        database.write((tx) => tx.run(letter(99))),
        { name: 'DatabaseUnavailableError' },
      );
    });
  },
  schema,
);
