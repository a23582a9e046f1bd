import { after, before, describe, test } from 'node:test';

import { noPostgresReason, postgresDatabases } from '../databases/postgres.ts';
import { sqliteDatabases } from '../databases/sqlite.ts';
import type { TestHomeserverOptions } from '../homeserver/test-homeserver.ts';
import { startFederation, type FederatedHomeservers } from './federated-homeservers.ts';

/**
 * Runs a suite among servers that federate, once on each kind of database; `servers` gives them while a test runs:
 *
 *     forEachFederation('knocking', ['hive.example', 'nest.example'], (servers) => {
 *       test('Alice hears Bob knock', async () => { … servers().named('hive.example') … });
 *     });
 */
export function forEachFederation(
  title: string,
  serverNames: readonly string[],
  define: (servers: () => FederatedHomeservers) => void,
  options: Omit<TestHomeserverOptions, 'resolver' | 'databases'> = {},
): void {
  const postgres = postgresDatabases();
  for (const databases of postgres ? [sqliteDatabases, postgres] : [sqliteDatabases]) {
    describe(`${title} (${databases.label})`, () => {
      let federation: FederatedHomeservers | undefined;
      before(async () => {
        federation = await startFederation(serverNames, { ...options, databases });
      });
      after(() => federation?.stop());
      define(() => {
        if (!federation) throw new Error('the servers did not start');
        return federation;
      });
    });
  }
  if (!postgres) void test(`${title} (PostgreSQL)`, { skip: noPostgresReason() ?? true });
}
