import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settingsFromConfig } from './index.ts';

test('a file in homeserver.yaml is an SQLite file', () => {
  assert.deepEqual(settingsFromConfig({ name: 'sqlite3', file: '/data/homeserver.db', durability: 'full' }), {
    kind: 'sqlite',
    path: '/data/homeserver.db',
    synchronous: 'full',
  });
});

test("libpq's words for PostgreSQL are understood", () => {
  const connection = {
    host: 'db.example.org',
    port: 5433,
    user: 'synapse',
    password: 'secret',
    database: 'synapse',
    sslmode: 'verify-full',
  };
  const config = { name: 'psycopg2', connection, max_connections: 7, allow_unsafe_locale: false, durability: 'relaxed' } as const;
  assert.deepEqual(settingsFromConfig(config), {
    kind: 'postgres',
    host: 'db.example.org',
    port: 5433,
    user: 'synapse',
    password: 'secret',
    database: 'synapse',
    ssl: { mode: 'verify-full' },
    maxConnections: 7,
    synchronousCommit: 'off',
  });
  assert.throws(() => settingsFromConfig({ ...config, connection: { sslmode: 'maybe' } }), /sslmode is "maybe"/);
});
