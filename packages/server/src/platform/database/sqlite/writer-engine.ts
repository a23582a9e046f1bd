import { statSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

import { failureOf } from './failure.ts';
import { GroupCommit } from './group-commit.ts';
import { OTHER_FAILURE, type Answer, type OpenSettings, type Operations, type Request, type RowsAnswer } from './protocol.ts';
import type { StatementText } from './protocol.ts';

const PREPARED_STATEMENTS = 1500;

/** Many statements may run before the size of the log is looked at again. */
const STATEMENTS_BETWEEN_CHECKS = 200;

interface Prepared {
  readonly statement: StatementSync;
  readonly parameters: number;
}

/** The one connection that writes, in the writer thread. */
export class WriterEngine {
  readonly #database: DatabaseSync;
  readonly #owner: DatabaseSync;
  readonly #settings: OpenSettings;
  readonly #texts = new Map<number, StatementText>();
  readonly #prepared = new Map<number, Prepared>();
  readonly #groups: GroupCommit;
  #statementsSinceCheck = 0;

  /** Throws SQLite's error when the file is held by another process, damaged, or cannot be opened. */
  constructor(settings: OpenSettings) {
    this.#settings = settings;
    this.#owner = takeOwnership(settings.path);
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(settings.path, { timeout: settings.busyTimeoutMs, enableForeignKeyConstraints: true });
      database.exec(`
        PRAGMA page_size = 4096;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${settings.synchronous};
        PRAGMA cache_size = -${Math.ceil(settings.cacheBytes / 1024)};
        PRAGMA temp_store = MEMORY;
        PRAGMA journal_size_limit = ${Math.floor(settings.checkpointBytes / 2)};
        PRAGMA wal_autocheckpoint = 0;
        ${settings.maxPages === undefined ? '' : `PRAGMA max_page_count = ${settings.maxPages};`}
        SELECT count(*) FROM sqlite_schema;
      `);
    } catch (error) {
      database?.close();
      this.#owner.close();
      throw error;
    }
    this.#database = database;
    this.#groups = new GroupCommit({
      exec: (text) => this.#database.exec(text),
      execute: (operations) => this.#execute(operations, 1),
      get inTransaction(): boolean {
        return database.isTransaction;
      },
      failureOf,
    });
  }

  /** Answers one request other than `open`. */
  answer(request: Request): Answer {
    for (const statement of request.statements ?? []) this.#texts.set(statement.id, statement);
    try {
      return this.#handle(request);
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error) };
    }
  }

  /**
   * Moves the log into the database file when it has grown long. Called when the answer is on its way, so that nobody waits for it;
   * readers do not stop it, it goes as far as the oldest of them allows.
   */
  tidy(): void {
    if (this.#statementsSinceCheck < STATEMENTS_BETWEEN_CHECKS || this.#database.isTransaction) return;
    this.#statementsSinceCheck = 0;
    const log = statSync(`${this.#settings.path}-wal`, { throwIfNoEntry: false });
    if (log === undefined || log.size < this.#settings.checkpointBytes) return;
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      // What is committed stays in the log, and moving it is tried again: on a full disk the writes themselves tell the operator.
      if (failureOf(error).code === OTHER_FAILURE) throw error;
    }
  }

  #handle(request: Request): Answer {
    switch (request.kind) {
      case 'group': {
        const failures = this.#groups.commit(request.batches);
        return failures.length === 0 ? { kind: 'done' } : { kind: 'partly', failures };
      }
      case 'begin':
        this.#database.exec('BEGIN IMMEDIATE');
        return { kind: 'done' };
      case 'step':
        this.#execute(request.before, 0);
        return request.last === undefined ? { kind: 'done' } : this.#read(request.last, request.want);
      case 'end':
        try {
          this.#execute(request.before, 0);
          if (request.commit) this.#database.exec('COMMIT');
        } finally {
          // A full disk has rolled it back already.
          if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        }
        return { kind: 'done' };
      case 'close':
        this.#prepared.clear();
        this.#database.close();
        this.#owner.close();
        return { kind: 'done' };
      case 'open':
        throw new Error('The database is open already');
    }
  }

  #execute(operations: Operations, start: number): void {
    for (let at = start; at < operations.length;) {
      const { statement, parameters } = this.#statement(operations[at] as number);
      const rows = operations[at + 1] as number;
      at += 2;
      for (let row = 0; row < rows; row++) {
        statement.run(...(operations.slice(at, at + parameters) as SQLInputValue[]));
        at += parameters;
      }
      this.#statementsSinceCheck += rows;
    }
  }

  #read(operation: Operations, want: 'rows' | 'changes' | undefined): Answer {
    const { statement } = this.#statement(operation[0] as number);
    const values = operation.slice(2) as SQLInputValue[];
    if (want === 'changes') return { kind: 'changes', changes: Number(statement.run(...values).changes) };
    statement.setReturnArrays(true);
    // With setReturnArrays, each row is an array of the columns' values.
    const rows = statement.all(...values) as unknown as RowsAnswer['rows'];
    statement.setReturnArrays(false);
    return { kind: 'rows', answer: { names: statement.columns().map((column) => column.name), rows } };
  }

  #statement(id: number): Prepared {
    const known = this.#prepared.get(id);
    if (known !== undefined) return known;
    const text = this.#texts.get(id);
    if (text === undefined) throw new Error(`Statement ${id} was never sent to the writer`);
    if (this.#prepared.size >= PREPARED_STATEMENTS) this.#prepared.clear();
    const prepared = { statement: this.#database.prepare(text.text), parameters: text.parameters };
    this.#prepared.set(id, prepared);
    return prepared;
  }
}

/**
 * A lock that the operating system gives back however the process ends: an exclusive transaction on a small file beside the
 * database. The database's own locks would also keep out backups and an operator's `sqlite3`, which may read at any time.
 */
function takeOwnership(path: string): DatabaseSync {
  const owner = new DatabaseSync(`${path}-owner`, { timeout: 0 });
  try {
    owner.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (error) {
    owner.close();
    throw error;
  }
  return owner;
}
