import assert from 'node:assert/strict';

import type { ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import remoteServers from '../../migrations/0100-remote-servers.ts';
import { createTestClock, type TestClock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { createSeededRandom } from '../../platform/random.ts';
import { createDestinationHealth } from './destination-health.ts';

const hive = 'hive.test' as ServerName;
const MINUTE = 60_000;
const settings = { minRetryInterval: 10 * MINUTE, retryMultiplier: 2, maxRetryInterval: 60 * MINUTE };

function open(database: Database, clock: TestClock) {
  return createDestinationHealth({ database, clock, random: createSeededRandom(3), logger: silentLogger, settings });
}

forEachDatabase(
  'the health of other servers',
  ({ test }) => {
    test('a server that does not answer is left alone for longer each time, up to a bound', async ({ database }) => {
      const clock = createTestClock();
      const health = open(database, clock);
      assert.ok(await health.mayTry(hive));
      const pauses: number[] = [];
      for (let failure = 0; failure < 6; failure++) {
        clock.advance(1);
        health.failed(hive, clock.monotonic());
        const { retryAt = 0 } = await health.of(hive);
        pauses.push((retryAt - clock.now()) / MINUTE);
        assert.ok(!(await health.mayTry(hive)));
        clock.advance(retryAt - clock.now());
        assert.ok(await health.mayTry(hive));
      }
      const fits = pauses.map((pause, index) => {
        const plain = Math.min(60, 10 * 2 ** index);
        return pause >= plain * 0.8 && pause <= Math.min(60, plain * 1.2);
      });
      assert.deepEqual(new Set(fits), new Set([true]), pauses.join());
      assert.ok(new Set(pauses.slice(0, 3)).size === 3);
    });

    test('requests that fail together are one failure, and one that is slow among others that succeed is none', async ({
      database,
    }) => {
      const clock = createTestClock();
      const health = open(database, clock);
      const started = clock.monotonic();
      clock.advance(1_000);
      for (let request = 0; request < 10; request++) health.failed(hive, started);
      assert.equal((await health.of(hive)).retryInterval, 10 * MINUTE);
      const other = 'other.test' as ServerName;
      clock.advance(1_000);
      health.succeeded(other);
      health.failed(other, clock.monotonic() - 500);
      assert.equal((await health.of(other)).failingSince, undefined);
    });

    test('a sign of life ends the pause early, more rarely each time; an answer ends it for good', async ({ database }) => {
      const clock = createTestClock();
      const health = open(database, clock);
      const heard: string[] = [];
      const stop = health.onSignOfLife((server) => heard.push(server));
      health.failed(hive, 1);
      await health.of(hive);
      health.heardFrom(hive);
      assert.ok(await health.mayTry(hive));
      assert.deepEqual(heard, [hive]);
      clock.advance(10);
      health.failed(hive, clock.monotonic());
      assert.equal((await health.of(hive)).retryInterval, 20 * MINUTE, 'the pause goes on from where it was');
      health.heardFrom(hive);
      assert.ok(!(await health.mayTry(hive)), 'not at once again');
      clock.advance(990);
      assert.ok(await health.mayTry(hive), 'that sign counts a second after the one before');
      for (let failure = 0; failure < 10; failure++) {
        clock.advance(1);
        health.failed(hive, clock.monotonic());
        health.heardFrom(hive);
        clock.advance(MINUTE);
        assert.ok(await health.mayTry(hive), 'at least once a minute');
      }
      assert.equal(heard.length, 12, 'at most once a minute');
      for (let failure = 0; failure < 2; failure++) {
        clock.advance(1);
        health.failed(hive, clock.monotonic());
        health.heardFrom(hive);
      }
      assert.equal(clock.pending, 1);
      health.succeeded(hive);
      assert.equal(heard.length, 14);
      assert.equal(clock.pending, 0);
      assert.deepEqual(await health.of(hive), {
        lastSuccess: clock.now(),
        failingSince: undefined,
        retryInterval: 0,
        retryAt: undefined,
      });
      stop();
      health.heardFrom(hive);
      assert.equal(heard.length, 14);
    });

    test('a restart forgets nothing; an operator can make it forget', async ({ database }) => {
      const clock = createTestClock();
      const before = open(database, clock);
      before.succeeded(hive);
      await before.of(hive);
      clock.advance(1);
      before.failed(hive, 1);
      before.failed('nowhere.test' as ServerName, 1);
      await before.of(hive);
      await before.settled();
      const after = open(database, clock);
      assert.ok(!(await after.mayTry(hive)));
      assert.equal((await after.of(hive)).failingSince, clock.now());
      assert.deepEqual(await after.due(10), []);
      clock.advance(15 * MINUTE);
      assert.deepEqual(await after.due(10), [hive]);
      await after.reset(hive);
      assert.ok(await after.mayTry(hive));
      assert.deepEqual(
        (await after.list({ after: '', limit: 10 })).map(({ server, failingSince }) => [server, failingSince]),
        [[hive, undefined]],
      );
    });
  },
  [remoteServers],
);
