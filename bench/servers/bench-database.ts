import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { findPostgres, PostgresServer } from '@myelin/testing/databases';
import pg from 'pg';

/** Where a server that we start keeps its data. */
export interface BenchDatabase {
  readonly label: string;
  /** `database:` of homeserver.yaml. */
  section(directory: string): unknown;
  processes(): readonly number[];
  /** Asked while the server is stopped. */
  bytesOnDisk(directory: string): Promise<number>;
  close(): Promise<void>;
}

const sqliteFile = 'homeserver.db';

export const sqlite: BenchDatabase = {
  label: 'SQLite',
  section: (directory) => ({ name: 'sqlite3', args: { database: join(directory, sqliteFile) } }),
  processes: () => [],
  bytesOnDisk: async (directory) => {
    const files = readdirSync(directory).filter((name) => name.startsWith(sqliteFile));
    return files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  },
  close: async () => undefined,
};

/** A PostgreSQL of its own that forgets nothing in a crash; throws, with the reason, where none can be started. */
export async function startPostgres(): Promise<BenchDatabase> {
  const found = findPostgres();
  if (found.kind === 'none') throw new Error(`There is no PostgreSQL: ${found.reason}`);
  if (found.kind === 'running')
    throw new Error('MYELIN_TEST_POSTGRES names a server: a benchmark starts its own, empty and durable');
  const server = await PostgresServer.create(found, true);
  const { host, port, user, database } = server.settings;
  const ask = async (statement: string): Promise<unknown[]> => {
    const client = new pg.Client({ host, port, user, database });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  };
  await ask('CREATE DATABASE homeserver ENCODING UTF8 TEMPLATE template0');
  return {
    label: 'PostgreSQL',
    section: () => ({
      name: 'psycopg2',
      args: { host, port, user, password: '', dbname: 'homeserver', cp_min: 5, cp_max: 10 },
    }),
    processes: () => [Number.parseInt(readFileSync(join(server.directory, 'data', 'postmaster.pid'), 'utf8'), 10)],
    bytesOnDisk: async () => {
      await ask('CHECKPOINT');
      const [row] = (await ask(`SELECT pg_database_size('homeserver') AS bytes`)) as { bytes: string }[];
      return Number(row?.bytes);
    },
    close: () => server.remove(),
  };
}
