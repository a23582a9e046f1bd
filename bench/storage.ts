/**
 * What durable writes cost: rows a second by the size of the batch, one batch after another and many that wait at once (group commit), on
 * SQLite and on a PostgreSQL of its own. Run: `node scripts/run.mjs bench/storage.ts` (about fifteen seconds).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { migration, openDatabase, type Database, type DatabaseSettings } from '@myelin/server/platform/database';
import { findPostgres, PostgresServer } from '@myelin/testing/databases';

const batchSizes = [1, 4, 16, 64, 256];
const waitingAtOnce = 32;
const warmUpMs = 100;
const measuredMs = 500;
const warmUpsFirst = 2;
/** About what a plain message's columns and JSON are together. */
const body = new TextEncoder().encode('m'.repeat(450));
const rowsTable = migration({
  id: 1,
  name: 'rows',
  up: (dialect) => [
    `CREATE TABLE bench_rows (id ${dialect.bigKey}, room ${dialect.integer} NOT NULL, body ${dialect.blob} NOT NULL)`,
    `CREATE INDEX bench_rows_room ON bench_rows (room, id)`,
  ],
});
let nextId = 1;

const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
try {
  await measureDatabase('SQLite, synchronous=FULL', { kind: 'sqlite', path: join(directory, 'rows.db') });
} finally {
  rmSync(directory, { recursive: true });
}
const found = findPostgres();
if (found.kind === 'none') console.log(`PostgreSQL is skipped: ${found.reason}`);
else if (found.kind === 'running')
  console.log('PostgreSQL is skipped: MYELIN_TEST_POSTGRES names one whose durability is not known');
else {
  const server = await PostgresServer.create(found, true);
  try {
    await measureDatabase('PostgreSQL, synchronous_commit=on', server.settings);
  } finally {
    await server.remove();
  }
}

async function measureDatabase(name: string, settings: DatabaseSettings): Promise<void> {
  const database = await openDatabase(settings, [rowsTable]);
  try {
    for (let count = 0; count < warmUpsFirst; count++) await measure(database, 1, waitingAtOnce);
    const table: Record<string, string>[] = [];
    for (const size of batchSizes) {
      const alone = await measure(database, size, 1);
      const together = await measure(database, size, waitingAtOnce);
      table.push({
        'rows a batch': `${size}`,
        'one after another: rows/s': alone.rate,
        'ms a batch': alone.latency,
        [`${waitingAtOnce} at once: rows/s`]: together.rate,
        'ms a batch ': together.latency,
        'CPU of this process a row, µs': together.cpu,
      });
    }
    console.log(name);
    console.table(table);
  } finally {
    await database.close();
  }
}

/** `writers` each wait for their batch to be durable before they hand in the next. */
async function measure(database: Database, size: number, writers: number) {
  await writeFor(database, size, writers, warmUpMs);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const batches = await writeFor(database, size, writers, measuredMs);
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  const written = batches * size;
  return {
    rate: Math.round((1000 * written) / elapsed).toLocaleString('en'),
    latency: ((elapsed * writers) / batches).toFixed(2),
    cpu: ((user + system) / written).toFixed(1),
  };
}

async function writeFor(database: Database, size: number, writers: number, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let batches = 0;
  const write = async (room: number): Promise<void> => {
    for (; performance.now() < end; batches++) {
      await database.write((tx) =>
        tx.insertMany(
          'bench_rows',
          ['id', 'room', 'body'],
          Array.from({ length: size }, () => [nextId++, room, body]),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, room) => write(room)));
  return batches;
}
