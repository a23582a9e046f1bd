import { insertTemplate, templateOf, type Template } from '../sql.ts';
import type { Query, SqlValue, Tx } from '../types.ts';
import type { ColumnTypes } from './column-types.ts';
import { postgresValue } from './values.ts';

/** A statement that is ready to be sent. */
export interface Statement {
  readonly template: Template;
  readonly values: unknown[];
}

interface Insert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly arrays: unknown[][];
  readonly onConflict: string | undefined;
}

export type Collected = Statement | Insert;

/** Collects the statements of a batch. */
export class StatementCollector implements Tx {
  collected: Collected[] = [];
  readonly callbacks: (() => void)[] = [];
  finished = false;

  run(query: Query): void {
    this.#refuseWhenFinished();
    this.collected.push(statementOf(query));
  }

  insertMany(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[], onConflict?: string): void {
    this.#refuseWhenFinished();
    if (rows.length === 0) return;
    const arrays = columns.map((): unknown[] => []);
    for (const row of rows) {
      if (row.length !== columns.length)
        throw new TypeError(`A row for ${table} has ${row.length} values, not ${columns.length}`);
      for (const [index, value] of row.entries()) arrays[index]?.push(postgresValue(value));
    }
    this.collected.push({ table, columns, arrays, onConflict });
  }

  onCommit(callback: () => void): void {
    this.#refuseWhenFinished();
    this.callbacks.push(callback);
  }

  #refuseWhenFinished(): void {
    if (this.finished) throw new Error('The transaction has ended: nothing can be added to it');
  }
}

export function statementOf(query: Query): Statement {
  return { template: templateOf(query), values: query.values.map(postgresValue) };
}

/** Makes collected statements ready: the arrays of an insert need their columns' types. */
export async function statementsOf(collected: readonly Collected[], types: ColumnTypes): Promise<Statement[]> {
  const statements: Statement[] = [];
  for (const entry of collected) {
    if ('template' in entry) {
      statements.push(entry);
      continue;
    }
    const columnTypes = types.known(entry.table, entry.columns) ?? (await types.load(entry.table, entry.columns));
    statements.push({
      template: insertTemplate(entry.table, entry.columns, entry.onConflict, columnTypes),
      values: entry.arrays,
    });
  }
  return statements;
}
