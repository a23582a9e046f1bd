import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Lane } from '../lane.ts';
import { callAfterCommit } from '../on-commit.ts';
import type { SqliteSettings } from '../settings.ts';
import type { Template } from '../sql.ts';
import type { Database, InteractiveTx, Query, Tx, WriteLane } from '../types.ts';
import { failureOf } from './failure.ts';
import { OperationsCollector } from './operations.ts';
import { Reader } from './reader.ts';
import { sqliteError } from './sqlite-errors.ts';
import { SqliteTransaction } from './sqlite-transaction.ts';
import { Writer } from './writer.ts';

const MEGABYTE = 1024 * 1024;

/** Opens (or makes) an SQLite database; its schema is not looked at. `:memory:` is a file that lives as long as the database is open. */
export async function openSqlite(settings: SqliteSettings): Promise<Database> {
  const directory = settings.path === ':memory:' ? await mkdtemp(join(tmpdir(), 'myelin-memory-')) : undefined;
  const path = directory === undefined ? settings.path : join(directory, 'homeserver.db');
  const removeDirectory = async (): Promise<void> => {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  };
  const cacheBytes = settings.cacheBytes ?? 16 * MEGABYTE;
  const busyTimeoutMs = settings.busyTimeoutMs ?? 5000;
  try {
    const writer = await Writer.open(
      {
        path,
        synchronous: directory === undefined ? (settings.synchronous ?? 'full') : 'off',
        cacheBytes: cacheBytes / 2,
        busyTimeoutMs,
        checkpointBytes: settings.checkpointBytes ?? 16 * MEGABYTE,
        maxPages: settings.maxPages,
      },
      settings.keepWriterThread ?? false,
    );
    return new SqliteDatabase(path, writer, new Reader(path, cacheBytes, busyTimeoutMs), removeDirectory);
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite';
  readonly #path: string;
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #closed: () => Promise<void>;
  readonly #templates = new Set<Template>();
  readonly #inTransaction = new AsyncLocalStorage<{ running: boolean }>();
  #closing: Promise<void> | undefined;

  constructor(path: string, writer: Writer, reader: Reader, closed: () => Promise<void>) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.#closed = closed;
  }

  all<Row>(query: Query<Row>): Promise<Row[]> {
    return this.#read(() => this.#reader.all(query));
  }

  get<Row>(query: Query<Row>): Promise<Row | undefined> {
    return this.#read(() => this.#reader.get(query));
  }

  write<T>(work: (tx: Tx) => T, options?: { lane?: WriteLane }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#refuseInsideTransaction();
      const lane = options?.lane === undefined ? undefined : Lane.usable(options.lane);
      const collector = new OperationsCollector(this.#templates, lane?.id ?? 0);
      const result = work(collector);
      collector.finished = true;
      if (result instanceof Promise) throw new TypeError('The work of write() collects statements and must not be asynchronous');
      this.#writer.know(this.#templates);
      this.#writer.enqueue({
        operations: collector.operations,
        committed: () => {
          callAfterCommit(collector.callbacks);
          resolve(result);
        },
        failed: (error) => {
          if (lane !== undefined) lane.broken = true;
          reject(error);
        },
      });
    });
  }

  async transaction<T>(work: (tx: InteractiveTx) => Promise<T>): Promise<T> {
    this.#refuseInsideTransaction();
    await this.#writer.beginSession();
    const mark = { running: true };
    try {
      const transaction = new SqliteTransaction(this.#writer);
      let result: T;
      try {
        result = await this.#inTransaction.run(mark, () => work(transaction));
      } catch (error) {
        await transaction.end(false);
        throw error;
      }
      callAfterCommit(await transaction.end(true));
      return result;
    } finally {
      mark.running = false;
      this.#writer.endSession();
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
    // First the reader: the last connection to close moves the log into the file, and that is to be the writer.
    this.#reader.close();
    await this.#writer.close();
    await this.#closed();
  }

  #read<T>(read: () => T): Promise<T> {
    try {
      return Promise.resolve(read());
    } catch (error) {
      return Promise.reject(error instanceof TypeError ? error : sqliteError(failureOf(error), this.#path, error));
    }
  }

  #refuseInsideTransaction(): void {
    if (this.#inTransaction.getStore()?.running === true) {
      throw new Error('A write inside transaction() would wait for itself: use the transaction that it was given');
    }
  }
}
