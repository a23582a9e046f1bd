import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import foundation from '../../migrations/0001-foundation.ts';
import { createTestClock, type TestClock } from '../clock.ts';
import { BackgroundUpdates, migration, sql, type BackgroundUpdate, type Database } from './index.ts';

const schema = [
  foundation,
  migration({
    id: 2,
    name: 'parcels',
    up: (dialect) => [`CREATE TABLE parcels (id ${dialect.bigKey}, weighed ${dialect.integer} NOT NULL)`],
  }),
];

/** Weighs two parcels a step. */
function weighing(steps: number[]): BackgroundUpdate {
  return {
    name: 'weigh-parcels',
    async step(tx, progress) {
      const after = typeof progress['after'] === 'number' ? progress['after'] : 0;
      steps.push(after);
      const rows = await tx.all(sql<{ id: number }>`SELECT id FROM parcels WHERE id > ${after} ORDER BY id LIMIT 2`);
      const last = rows.at(-1)?.id;
      if (last === undefined) return 'done';
      tx.run(sql`UPDATE parcels SET weighed = weighed + 1 WHERE id > ${after} AND id <= ${last}`);
      return { after: last };
    },
  };
}

async function fill(database: Database): Promise<void> {
  await database.write((tx) =>
    tx.insertMany(
      'parcels',
      ['id', 'weighed'],
      [1, 2, 3, 4, 5].map((id) => [id, 0]),
    ),
  );
}

async function weighed(database: Database): Promise<number[]> {
  return (await database.all(sql<{ weighed: number }>`SELECT weighed FROM parcels ORDER BY id`)).map((row) => row.weighed);
}

/** Lets time pass as it is slept away, until `work` is over. */
async function passTime<T>(clock: TestClock, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const watched = work.finally(() => over.abort());
  while (!over.signal.aborted) {
    clock.advance(1_000_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return watched;
}

forEachDatabase(
  'background updates',
  ({ test }) => {
    test('each parcel is weighed once, two at a time', async ({ database }) => {
      await fill(database);
      const [clock, steps]: [TestClock, number[]] = [createTestClock(), []];
      const updates = new BackgroundUpdates({ database, clock, updates: [weighing(steps)], onFailure: assert.ifError });
      await passTime(clock, updates.start());
      assert.deepEqual(await weighed(database), [1, 1, 1, 1, 1]);
      assert.deepEqual(steps, [0, 2, 4, 5]);
      assert.deepEqual(await updates.status(), [
        { name: 'weigh-parcels', finished: true, paused: false, progress: { after: 5 } },
      ]);
      await updates.start();
      assert.equal(steps.length, 4);
    });

    test('the work goes on after a restart where it was paused', async ({ database, reopen }) => {
      await fill(database);
      const clock = createTestClock();
      const steps: number[] = [];
      const first = weighing(steps);
      const updates = new BackgroundUpdates({ database, clock, updates: [first], onFailure: assert.ifError });
      const running = updates.start();
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      await updates.pause('weigh-parcels');
      await passTime(clock, running);
      assert.deepEqual(await weighed(database), [1, 1, 0, 0, 0]);
      const again = await reopen();
      const later = new BackgroundUpdates({ database: again, clock, updates: [first], onFailure: assert.ifError });
      await later.start();
      assert.deepEqual(await weighed(again), [1, 1, 0, 0, 0]);
      await later.resume('weigh-parcels');
      await passTime(clock, later.start());
      assert.deepEqual(await weighed(again), [1, 1, 1, 1, 1]);
    });

    test('a step that fails leaves nothing, is reported, and is tried again', async ({ database }) => {
      await fill(database);
      const clock = createTestClock();
      const failures: string[] = [];
      let attempts = 0;
      const update: BackgroundUpdate = {
        name: 'clumsy',
        async step(tx) {
          await tx.change(sql`UPDATE parcels SET weighed = weighed + 1`);
          if (++attempts < 3) throw new Error('the scales fell over');
          return 'done';
        },
      };
      const onFailure = (name: string, error: unknown): void => void failures.push(`${name}: ${String(error)}`);
      await passTime(clock, new BackgroundUpdates({ database, clock, updates: [update], onFailure }).start());
      assert.deepEqual(await weighed(database), [1, 1, 1, 1, 1]);
      assert.deepEqual(
        failures,
        Array.from({ length: 2 }, () => 'clumsy: Error: the scales fell over'),
      );
    });

    test('it stops when it is told to, in the middle of a rest', async ({ database }) => {
      await fill(database);
      const clock = createTestClock();
      const updates = new BackgroundUpdates({ database, clock, updates: [weighing([])], onFailure: assert.ifError });
      const running = updates.start();
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      await updates.stop();
      await running;
      assert.deepEqual(await weighed(database), [1, 1, 0, 0, 0]);
    });
  },
  schema,
);
