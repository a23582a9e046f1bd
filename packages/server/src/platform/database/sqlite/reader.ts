import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

import { templateOf } from '../sql.ts';
import type { Query } from '../types.ts';
import { sqliteValue } from './operations.ts';
import type { RowsAnswer } from './protocol.ts';

const PREPARED_STATEMENTS = 1500;

interface Prepared {
  readonly statement: StatementSync;
  readonly names: readonly string[];
}

/** The connection for reading, on the main thread: a point read costs less than asking another thread for it would. */
export class Reader {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<number, Prepared>();

  constructor(path: string, cacheBytes: number, busyTimeoutMs: number) {
    this.#database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs });
    this.#database.exec(`PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}; PRAGMA temp_store = MEMORY`);
  }

  all<Row>(query: Query<Row>): Row[] {
    const { statement, names } = this.#prepare(query);
    // With setReturnArrays, each row is an array of the columns' values.
    return rowsFrom<Row>(names, statement.all(...valuesOf(query)) as unknown as RowsAnswer['rows']);
  }

  get<Row>(query: Query<Row>): Row | undefined {
    const { statement, names } = this.#prepare(query);
    const row = statement.get(...valuesOf(query)) as unknown as RowsAnswer['rows'][number] | undefined;
    return row === undefined ? undefined : rowFrom<Row>(names, row);
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(query: Query): Prepared {
    const template = templateOf(query);
    const known = this.#prepared.get(template.id);
    if (known !== undefined) return known;
    if (this.#prepared.size >= PREPARED_STATEMENTS) this.#prepared.clear();
    const statement = this.#database.prepare(template.text.sqlite);
    statement.setReturnArrays(true);
    const prepared = { statement, names: statement.columns().map((column) => column.name) };
    if (!template.transient) this.#prepared.set(template.id, prepared);
    return prepared;
  }
}

/** Plain objects from arrays: half the time of node:sqlite's own rows, which are slow dictionaries without a prototype. */
export function rowsFrom<Row>(names: readonly string[], rows: RowsAnswer['rows']): Row[] {
  return rows.map((row) => rowFrom<Row>(names, row));
}

function rowFrom<Row>(names: readonly string[], values: readonly unknown[]): Row {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index++) row[names[index] ?? ''] = values[index];
  return row as Row;
}

function valuesOf(query: Query): SQLInputValue[] {
  return query.values.map(sqliteValue);
}
