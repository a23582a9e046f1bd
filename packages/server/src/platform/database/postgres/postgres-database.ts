import { AsyncLocalStorage } from 'node:async_hooks';

import { postgresDialect } from '../dialects/postgres.ts';
import { DatabaseError } from '../errors.ts';
import { Lane } from '../lane.ts';
import { refuseForeignTables } from '../migrations.ts';
import { callAfterCommit } from '../on-commit.ts';
import type { PostgresSettings } from '../settings.ts';
import type { Database, InteractiveTx, Query, Tx, WriteLane } from '../types.ts';
import { StatementCollector } from './collector.ts';
import { ColumnTypes } from './column-types.ts';
import { Connection } from './connection.ts';
import { postgresError } from './postgres-errors.ts';
import { Reader } from './reader.ts';
import { Transactions } from './transactions.ts';
import { WriteQueue } from './write-queue.ts';

const SESSIONS_TABLE = `CREATE TABLE IF NOT EXISTS write_sessions (
  id text COLLATE "C" PRIMARY KEY,
  position bigint NOT NULL,
  started timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 20)`;

/** Opens a PostgreSQL database; of its schema only the table that the connections themselves need is looked at. */
export async function openPostgres(settings: PostgresSettings): Promise<Database> {
  await prepare(settings);
  return new PostgresDatabase(settings);
}

async function prepare(settings: PostgresSettings): Promise<void> {
  const connection = await Connection.openPatiently(settings, settings.applicationName ?? 'myelin', []);
  try {
    const encoding = (await connection.query('SHOW server_encoding')).rows[0] as { server_encoding: string };
    if (encoding.server_encoding !== 'UTF8') {
      throw new DatabaseError(`The database has the encoding ${encoding.server_encoding}; it must be UTF8`);
    }
    const tables = (await connection.query(postgresDialect.listTables)).rows as { name: string }[];
    refuseForeignTables(new Set(tables.map((table) => table.name)));
    const results = await Promise.allSettled(
      [
        'BEGIN',
        postgresDialect.creationLock ?? '',
        SESSIONS_TABLE,
        // Rows of processes that were killed. One that lives as long as this notices, and makes itself a new one.
        `DELETE FROM write_sessions WHERE started < now() - interval '30 days'`,
        'COMMIT',
      ].map((text) => connection.query(text)),
    );
    for (const result of results) if (result.status === 'rejected') throw postgresError(result.reason);
  } catch (error) {
    throw postgresError(error);
  } finally {
    await connection.close();
  }
}

class PostgresDatabase implements Database {
  readonly dialect = 'postgres';
  readonly #reader: Reader;
  readonly #queue: WriteQueue;
  readonly #transactions: Transactions;
  readonly #inTransaction = new AsyncLocalStorage<{ running: boolean }>();
  #closing: Promise<void> | undefined;

  constructor(settings: PostgresSettings) {
    const most = settings.maxConnections ?? 10;
    const readers = most >= 8 ? 2 : 1;
    const transactions = most >= 8 ? 2 : 1;
    this.#reader = new Reader(settings, readers);
    const types = new ColumnTypes(this.#reader);
    // A few merge better than many: while all are busy, what waits gathers into one commit.
    this.#queue = new WriteQueue(settings, Math.max(1, Math.min(4, most - readers - transactions)), types);
    this.#transactions = new Transactions(settings, transactions, types);
  }

  all<Row>(query: Query<Row>): Promise<Row[]> {
    return this.#reader.all(query);
  }

  get<Row>(query: Query<Row>): Promise<Row | undefined> {
    return this.#reader.get(query);
  }

  write<T>(work: (tx: Tx) => T, options?: { lane?: WriteLane }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#refuseInsideTransaction();
      const lane = options?.lane === undefined ? undefined : Lane.usable(options.lane);
      const collector = new StatementCollector();
      const result = work(collector);
      collector.finished = true;
      if (result instanceof Promise) throw new TypeError('The work of write() collects statements and must not be asynchronous');
      this.#queue.enqueue({
        collected: collector.collected,
        lane,
        committed: () => {
          callAfterCommit(collector.callbacks);
          resolve(result);
        },
        failed: reject,
      });
    });
  }

  async transaction<T>(work: (tx: InteractiveTx) => Promise<T>): Promise<T> {
    this.#refuseInsideTransaction();
    const mark = { running: true };
    try {
      return await this.#transactions.run((tx) => this.#inTransaction.run(mark, () => work(tx)));
    } finally {
      mark.running = false;
    }
  }

  openLane(): WriteLane {
    return new Lane();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#transactions.close()]);
    // Last: a batch that waits may need to know a column's type.
    await this.#reader.close();
  }

  /** On SQLite it would wait for itself; here it could, for the lock of a row. */
  #refuseInsideTransaction(): void {
    if (this.#inTransaction.getStore()?.running === true) {
      throw new Error('A write inside transaction() would wait for itself: use the transaction that it was given');
    }
  }
}
