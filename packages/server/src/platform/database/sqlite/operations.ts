import { insertTemplate, ListParameter, plainValue, templateOf, type Template } from '../sql.ts';
import type { Query, SqlValue, Tx } from '../types.ts';
import type { Operations } from './protocol.ts';

/** A parameter as SQLite takes it; lists travel as JSON. */
export function sqliteValue(value: unknown): string | number | null | Uint8Array {
  if (!(value instanceof ListParameter)) return plainValue(value);
  if (value.kind === 'list') return JSON.stringify(value.items);
  return JSON.stringify(value.items.map((item) => Buffer.from(item as Uint8Array).toString('hex')));
}

/** Collects statements for the writer thread. */
export class OperationsCollector implements Tx {
  operations: Operations;
  /** Templates the writer may not know yet. */
  readonly templates: Set<Template>;
  readonly callbacks: (() => void)[] = [];
  finished = false;

  constructor(templates: Set<Template>, lane: number) {
    this.templates = templates;
    this.operations = [lane];
  }

  run(query: Query): void {
    this.add(this.operations, query);
  }

  insertMany(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[], onConflict?: string): void {
    this.#refuseWhenFinished();
    if (rows.length === 0) return;
    const template = insertTemplate(table, columns, onConflict, []);
    this.templates.add(template);
    this.operations.push(template.id, rows.length);
    for (const row of rows) {
      if (row.length !== columns.length)
        throw new TypeError(`A row for ${table} has ${row.length} values, not ${columns.length}`);
      for (const value of row) this.operations.push(cloneable(plainValue(value)));
    }
  }

  onCommit(callback: () => void): void {
    this.#refuseWhenFinished();
    this.callbacks.push(callback);
  }

  add(target: Operations, query: Query): void {
    this.#refuseWhenFinished();
    const template = templateOf(query);
    this.templates.add(template);
    target.push(template.id, 1);
    for (const value of query.values) target.push(cloneable(sqliteValue(value)));
  }

  #refuseWhenFinished(): void {
    if (this.finished) throw new Error('The transaction has ended: nothing can be added to it');
  }
}

/** A view on a large buffer would take the whole buffer along to the other thread. */
function cloneable(value: string | number | null | Uint8Array): string | number | null | Uint8Array {
  return value instanceof Uint8Array ? value.slice() : value;
}
