import { describe, test as nodeTest } from 'node:test';

import { migrations as everyMigration } from '@myelin/server/migrations';
import { openDatabase, type Database, type DatabaseSettings, type Migration } from '@myelin/server/platform/database';

import { noPostgresReason, postgresDatabases } from './postgres.ts';
import { sqliteDatabases } from './sqlite.ts';
import type { TestDatabases } from './test-databases.ts';

/** What a store test gets. */
export interface DatabaseTest {
  /** Empty, with the schema in place; closed and removed when the test is over. */
  readonly database: Database;
  readonly settings: DatabaseSettings;
  /** Closes `database` and opens the same one again, as a restart of the server does. */
  reopen(): Promise<Database>;
}

export interface DatabaseSuite {
  readonly dialect: 'sqlite' | 'postgres';
  test(name: string, body: (context: DatabaseTest) => Promise<void> | void): void;
}

/**
 * Runs a suite on each kind of database, each test on a fresh one:
 *
 *     forEachDatabase('receipts store', ({ test }) => {
 *       test('a newer receipt replaces the older', async ({ database }) => { … });
 *     });
 *
 * `migrations` is the schema; the server's own where it is not given.
 */
export function forEachDatabase(
  name: string,
  define: (suite: DatabaseSuite) => void,
  migrations: readonly Migration[] = everyMigration,
): void {
  describe(`${name} (${sqliteDatabases.label})`, () => define(suiteOn(sqliteDatabases, migrations)));
  const postgres = postgresDatabases();
  if (postgres === undefined) void nodeTest(`${name} (PostgreSQL)`, { skip: noPostgresReason() ?? true });
  else describe(`${name} (${postgres.label})`, () => define(suiteOn(postgres, migrations)));
}

function suiteOn(databases: TestDatabases, migrations: readonly Migration[]): DatabaseSuite {
  return {
    dialect: databases.dialect,
    test: (name, body) => {
      void nodeTest(name, async () => {
        const own = await databases.create(migrations);
        let database = await openDatabase(own.settings, migrations);
        try {
          await body({
            database,
            settings: own.settings,
            reopen: async () => {
              await database.close();
              database = await openDatabase(own.settings, migrations);
              return database;
            },
          });
        } finally {
          await database.close();
          await own.remove();
        }
      });
    },
  };
}
