import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { findPostgres, noPostgresReason, PostgresServer } from '@myelin/testing/databases';
import pg from 'pg';

import {
  DatabaseUnavailableError,
  migration,
  NewerSchemaError,
  openDatabase,
  sql,
  type Database,
  type PostgresSettings,
} from '../index.ts';

const found = findPostgres();
const letters = migration({
  id: 1,
  name: 'letters',
  up: (dialect) => [`CREATE TABLE letters (id ${dialect.bigKey}, body ${dialect.text} NOT NULL)`],
});
const stamps = migration({ id: 2, name: 'stamps', up: (dialect) => [`CREATE TABLE stamps (id ${dialect.bigKey})`] });

function letter(id: number) {
  return sql`INSERT INTO letters (id, body) VALUES (${id}, ${'hello'})`;
}

async function ids(database: Database): Promise<number[]> {
  return (await database.all(sql<{ id: number }>`SELECT id FROM letters ORDER BY id`)).map((row) => row.id);
}

// A server that is stopped and started needs to be our own.
const skip =
  found.kind === 'none' || found.kind === 'running' ? (noPostgresReason() ?? 'MYELIN_TEST_POSTGRES is not ours to stop') : false;

describe('PostgreSQL that goes away', { skip }, () => {
  let server: PostgresServer;
  let names = 0;

  before(async () => {
    if (found.kind === 'installed' || found.kind === 'packaged') server = await PostgresServer.create(found, true);
  });
  after(() => server.remove());

  async function freshDatabase(): Promise<PostgresSettings> {
    const database = `letters_${names++}`;
    await administer(`CREATE DATABASE ${database}`);
    return { ...server.settings, database, maxConnections: 6 };
  }

  async function administer(statement: string): Promise<void> {
    const { host, port, user, database } = server.settings;
    const client = new pg.Client({ host, port, user, database, password: '' });
    await client.connect();
    await client.query(statement);
    await client.end();
  }

  test('every write is done once or reported, through two crashes in the middle', async () => {
    const database = await openDatabase(await freshDatabase(), [letters]);
    const done: number[] = [];
    const failed: number[] = [];
    let next = 1;
    const stop = new AbortController();
    const writer = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const id = next++;
        await database
          .write((tx) => tx.run(letter(id)))
          .then(
            () => done.push(id),
            () => failed.push(id),
          );
      }
    };
    const writers = [writer(), writer(), writer(), writer()];
    for (const how of ['immediate', 'fast'] as const) {
      const before = done.length;
      while (done.length < before + 50) await new Promise((resolve) => setImmediate(resolve));
      await server.stop(how);
      await server.start();
    }
    const before = done.length;
    while (done.length < before + 50) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await Promise.all(writers);
    // A letter that went in twice would have failed on its number the second time.
    const stored = new Set(await ids(database));
    assert.deepEqual(
      done.filter((id) => !stored.has(id)),
      [],
    );
    assert.deepEqual(failed, []);
    await database.close();
  });

  test('a transaction whose connection is cut is run again from the start', async () => {
    const database = await openDatabase(await freshDatabase(), [letters]);
    let attempts = 0;
    await database.transaction(async (tx) => {
      await tx.change(letter(1));
      if (++attempts === 1) await tx.all(sql`SELECT pg_terminate_backend(pg_backend_pid())`).catch(() => []);
      tx.run(letter(2));
    });
    assert.equal(attempts, 2);
    assert.deepEqual(await ids(database), [1, 2]);
    await database.close();
  });

  test('a commit whose answer is lost is looked up, not repeated', async () => {
    const settings = await freshDatabase();
    const database = await openDatabase(settings, [letters]);
    await database.write((tx) => tx.run(letter(1)));
    // The batch ends its own connection from within: whether before or after its commit, the letter is there once.
    const cut = sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND application_name LIKE 'myelin-write-%' AND datname = current_database()`;
    const writes = Array.from({ length: 40 }, (_, index) =>
      index % 8 === 0 ? database.transaction((tx) => tx.all(cut)) : database.write((tx) => tx.run(letter(index + 100))),
    );
    await Promise.all(writes);
    assert.equal((await ids(database)).length, 36);
    await database.close();
  });

  test('while it is away, work fails after its patience; when it is back, work goes on', async () => {
    const settings = { ...(await freshDatabase()), patienceMs: 50 };
    const database = await openDatabase(settings, [letters]);
    const lane = database.openLane();
    await database.write((tx) => tx.run(letter(1)), { lane });
    await server.stop('fast');
    await assert.rejects(
      database.write((tx) => tx.run(letter(2)), { lane }),
      DatabaseUnavailableError,
    );
    await assert.rejects(ids(database), DatabaseUnavailableError);
    await assert.rejects(
      database.transaction((tx) => tx.change(letter(3))),
      DatabaseUnavailableError,
    );
    await assert.rejects(openDatabase(settings, [letters]), DatabaseUnavailableError);
    await server.start();
    assert.deepEqual(await ids(database), [1]);
    await database.write((tx) => tx.run(letter(4)));
    assert.equal(lane.broken, true);
    assert.deepEqual(await ids(database), [1, 4]);
    await database.close();
  });

  test('processes that start at the same time make the schema once', async () => {
    const settings = await freshDatabase();
    const databases = await Promise.all(Array.from({ length: 3 }, () => openDatabase(settings, [letters, stamps])));
    for (const database of databases) {
      assert.deepEqual(await database.all(sql`SELECT id FROM schema_migrations ORDER BY id`), [{ id: 1 }, { id: 2 }]);
      await database.close();
    }
    await assert.rejects(openDatabase(settings, [letters]), NewerSchemaError);
  });

  test('two that lock the same rows crosswise both get through', async () => {
    const database = await openDatabase(await freshDatabase(), [letters]);
    await database.write((tx) =>
      tx.insertMany(
        'letters',
        ['id', 'body'],
        [
          [1, 'a'],
          [2, 'b'],
        ],
      ),
    );
    const touch = (first: number, second: number) =>
      database.transaction(async (tx) => {
        await tx.change(sql`UPDATE letters SET body = body || 'x' WHERE id = ${first}`);
        await tx.change(sql`UPDATE letters SET body = body || 'x' WHERE id = ${second}`);
      });
    await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? touch(1, 2) : touch(2, 1))));
    assert.deepEqual(await database.all(sql`SELECT DISTINCT length(body) AS length FROM letters`), [{ length: 9 }]);
    await database.close();
  });

  test('the tables of another program are refused, and nothing is added to them', async () => {
    const settings = await freshDatabase();
    const client = new pg.Client({ ...server.settings, database: settings.database, password: '' });
    await client.connect();
    await client.query('CREATE TABLE schema_version (version integer); CREATE TABLE event_json (event_id text)');
    await assert.rejects(openDatabase(settings, [letters]), /the tables of Synapse/);
    const { rows } = await client.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
    assert.equal(rows.length, 2);
    await client.end();
  });
});
