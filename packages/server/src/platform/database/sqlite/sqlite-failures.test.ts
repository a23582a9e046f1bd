import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';

import {
  DatabaseCorruptError,
  DatabaseError,
  DatabaseFullError,
  DatabaseLockedError,
  DatabaseUnavailableError,
  migration,
  NewerSchemaError,
  openDatabase,
  sql,
  type SqliteSettings,
} from '../index.ts';

const letters = migration({
  id: 1,
  name: 'letters',
  up: (dialect) => [`CREATE TABLE letters (id ${dialect.bigKey}, body ${dialect.text} NOT NULL)`],
});

async function settingsFor(context: TestContext): Promise<SqliteSettings> {
  const directory = await mkdtemp(join(tmpdir(), 'myelin-failures-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return { kind: 'sqlite', path: join(directory, 'homeserver.db'), synchronous: 'off', keepWriterThread: true };
}

function letter(id: number, body = 'hello') {
  return sql`INSERT INTO letters (id, body) VALUES (${id}, ${body})`;
}

const WRITER = `
  const { openDatabase, migration, sql } = await import(process.argv[1]);
  const letters = migration({ id: 1, name: 'letters', up: () => ['CREATE TABLE letters (id INTEGER PRIMARY KEY, body TEXT NOT NULL)'] });
  const database = await openDatabase({ kind: 'sqlite', path: process.argv[2] }, [letters]);
  let next = 1;
  const write = async () => {
    for (;;) {
      const id = next++;
      await database.write((tx) => {
        tx.run(sql\`INSERT INTO letters (id, body) VALUES (\${id}, \${'first half'})\`);
        tx.run(sql\`INSERT INTO letters (id, body) VALUES (\${-id}, \${'second half'})\`);
      });
      process.stdout.write(id + '\\n');
    }
  };
  for (let writer = 0; writer < 8; writer++) void write();
`;

test('what was acknowledged is there after kill -9, and no letter is cut in half', async (context) => {
  const settings = await settingsFor(context);
  const main = new URL('../index.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, main, settings.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: number[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    acknowledged.push(Number(line));
    if (acknowledged.length === 200) child.kill('SIGKILL');
  });
  await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  assert.equal(child.signalCode, 'SIGKILL');

  const database = await openDatabase(settings, [letters]);
  const ids = new Set((await database.all(sql<{ id: number }>`SELECT id FROM letters`)).map((row) => row.id));
  await database.close();
  assert.deepEqual(
    acknowledged.filter((id) => !ids.has(id)),
    [],
  );
  assert.deepEqual(
    [...ids].filter((id) => !ids.has(-id)),
    [],
  );
});

test('a full disk fails the write, not the server', async (context) => {
  const settings = await settingsFor(context);
  const database = await openDatabase({ ...settings, maxPages: 20 }, [letters]);
  const lane = database.openLane();
  await database.write((tx) => tx.run(letter(1)), { lane });
  const [large, small, sameLane] = await Promise.allSettled([
    database.write(
      (tx) => {
        tx.run(letter(2));
        tx.run(letter(3, 'x'.repeat(200_000)));
      },
      { lane },
    ),
    database.write((tx) => tx.run(letter(4))),
    database.write((tx) => tx.run(letter(5)), { lane }),
  ]);
  assert.ok(large?.status === 'rejected' && large.reason instanceof DatabaseFullError);
  assert.match(large.reason.message, /no space left/);
  assert.equal(small?.status, 'fulfilled');
  assert.equal(sameLane?.status, 'rejected');
  assert.deepEqual(await database.all(sql`SELECT id FROM letters ORDER BY id`), [{ id: 1 }, { id: 4 }]);
  const transaction = database.transaction(async (tx) => {
    await tx.change(letter(6));
    await tx.change(letter(7, 'x'.repeat(200_000)));
  });
  await assert.rejects(transaction, DatabaseFullError);
  await database.write((tx) => tx.run(letter(8)));
  assert.equal((await database.all(sql`SELECT id FROM letters`)).length, 3);
  await database.close();
});

test('two servers do not share one file', async (context) => {
  const settings = await settingsFor(context);
  const first = await openDatabase(settings, [letters]);
  await assert.rejects(
    openDatabase(settings, [letters]),
    (error) => error instanceof DatabaseLockedError && error.message.includes(settings.path),
  );
  await first.write((tx) => tx.run(letter(1)));
  await first.close();
  await (await openDatabase(settings, [letters])).close();
});

test('a write waits for a program that holds the file, and says so when it waited in vain', async (context) => {
  const settings = await settingsFor(context);
  const database = await openDatabase({ ...settings, busyTimeoutMs: 20 }, [letters]);
  const other = new DatabaseSync(settings.path);
  other.exec('BEGIN IMMEDIATE');
  const lane = database.openLane();
  const first = database.write((tx) => tx.run(letter(1)), { lane });
  const second = database.write((tx) => tx.run(letter(3)), { lane });
  await Promise.all([assert.rejects(first, DatabaseLockedError), assert.rejects(second, DatabaseError)]);
  other.exec('ROLLBACK');
  other.close();
  await database.write((tx) => tx.run(letter(2)));
  assert.deepEqual(await database.all(sql`SELECT id FROM letters`), [{ id: 2 }]);
  await database.close();
});

test('a file that is no database is refused and left alone', async (context) => {
  const settings = await settingsFor(context);
  await writeFile(settings.path, 'Dear Bob, this is a letter and not a database. '.repeat(100));
  await assert.rejects(openDatabase(settings, [letters]), DatabaseCorruptError);
});

test('a folder that does not exist is named', async (context) => {
  const settings = await settingsFor(context);
  const path = join(settings.path, 'nowhere', 'homeserver.db');
  await assert.rejects(
    openDatabase({ ...settings, path }, [letters]),
    (error) => error instanceof DatabaseError && error.message.includes(path),
  );
});

test("a newer schema and a stranger's tables are refused with a sentence", async (context) => {
  const settings = await settingsFor(context);
  const later = migration({ id: 7, name: 'later', up: () => ['CREATE TABLE later (id INTEGER PRIMARY KEY)'] });
  await (await openDatabase(settings, [letters, later])).close();
  await assert.rejects(openDatabase(settings, [letters]), NewerSchemaError);
  await (await openDatabase(settings, [letters, later])).close();

  const strangers = await settingsFor(context);
  const synapse = new DatabaseSync(strangers.path);
  synapse.exec('CREATE TABLE schema_version (version INTEGER); CREATE TABLE event_json (event_id TEXT)');
  synapse.close();
  await assert.rejects(openDatabase(strangers, [letters]), /the tables of Synapse/);
});

test('a migration that fails is undone whole, and the next start tries it again', async (context) => {
  const settings = await settingsFor(context);
  const broken = migration({
    id: 2,
    name: 'broken',
    up: () => ['CREATE TABLE half (id INTEGER)', 'CREATE TABEL other (id INTEGER)'],
  });
  await assert.rejects(openDatabase(settings, [letters, broken]), DatabaseError);
  const mended = migration({ id: 2, name: 'mended', up: () => ['CREATE TABLE half (id INTEGER)'] });
  await (await openDatabase(settings, [letters, mended])).close();
});

test('the log does not grow without end, and nothing is left beside the file at the end', async (context) => {
  const settings = await settingsFor(context);
  const database = await openDatabase({ ...settings, checkpointBytes: 100_000 }, [letters]);
  for (let id = 0; id < 1000; id += 50) {
    const some = Array.from({ length: 50 }, (_, index) => [id + index, 'x'.repeat(1000)]);
    await database.write((tx) => tx.insertMany('letters', ['id', 'body'], some));
  }
  const other = new DatabaseSync(settings.path);
  const [log] = other.prepare('PRAGMA wal_checkpoint(PASSIVE)').all();
  other.close();
  assert.ok(Number(log?.['log']) < 250, `the log has ${String(log?.['log'])} pages`);
  await database.close();
  assert.deepEqual((await readdir(join(settings.path, '..'))).sort(), ['homeserver.db', 'homeserver.db-owner']);
});

test('a memory database is gone when it is closed', async () => {
  const settings: SqliteSettings = { kind: 'sqlite', path: ':memory:', keepWriterThread: true };
  const database = await openDatabase(settings, [letters]);
  await database.write((tx) => tx.run(letter(1)));
  assert.deepEqual(await database.all(sql`SELECT id FROM letters`), [{ id: 1 }]);
  await database.close();
  await assert.rejects(
    database.write((tx) => tx.run(letter(2))),
    DatabaseUnavailableError,
  );
  const again = await openDatabase(settings, [letters]);
  assert.deepEqual(await again.all(sql`SELECT id FROM letters`), []);
  await again.close();
});
