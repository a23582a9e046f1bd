import { after, before, describe, test as nodeTest } from 'node:test';

import { noPostgresReason, postgresDatabases } from '../databases/postgres.ts';
import { sqliteDatabases } from '../databases/sqlite.ts';
import type { TestDatabases } from '../databases/test-databases.ts';
import { TestHomeserver, type TestHomeserverOptions } from './test-homeserver.ts';

export interface HomeserverTest {
  /** One server for all tests of the suite: each brings its own people. */
  readonly homeserver: TestHomeserver;
}

export interface HomeserverSuite {
  readonly dialect: 'sqlite' | 'postgres';
  test(name: string, body: (context: HomeserverTest) => Promise<void>): void;
  /** A test that needs a server of its own: other settings, a restart. */
  testWith(
    name: string,
    options: Omit<TestHomeserverOptions, 'databases'>,
    body: (context: HomeserverTest) => Promise<void>,
  ): void;
}

/**
 * Runs a suite over HTTP against a real server, once on each kind of database:
 *
 *     forEachHomeserver('receipts', ({ test }) => {
 *       test('Bob sees that Alice has read his message', async ({ homeserver }) => { … });
 *     });
 *
 * Every answer is held against the spec's schemas, where those are at hand. `options` are for the server that the tests share.
 */
export function forEachHomeserver(
  name: string,
  define: (suite: HomeserverSuite) => void,
  options: Omit<TestHomeserverOptions, 'databases'> = {},
): void {
  describe(`${name} (${sqliteDatabases.label})`, () => define(suiteOn(sqliteDatabases, options)));
  const postgres = postgresDatabases();
  if (postgres === undefined) void nodeTest(`${name} (PostgreSQL)`, { skip: noPostgresReason() ?? true });
  else describe(`${name} (${postgres.label})`, () => define(suiteOn(postgres, options)));
}

function suiteOn(databases: TestDatabases, shared: Omit<TestHomeserverOptions, 'databases'>): HomeserverSuite {
  let homeserver: TestHomeserver | undefined;
  before(async () => {
    homeserver = await TestHomeserver.start({ ...shared, databases });
  });
  after(() => homeserver?.stop());
  return {
    dialect: databases.dialect,
    test: (name, body) => {
      void nodeTest(name, async () => {
        if (!homeserver) throw new Error('the server did not start');
        await body({ homeserver });
        homeserver.checkContract();
      });
    },
    testWith: (name, options, body) => {
      void nodeTest(name, async () => {
        const own = await TestHomeserver.start({ ...shared, ...options, databases });
        try {
          await body({ homeserver: own });
        } finally {
          await own.stop();
        }
      });
    },
  };
}
