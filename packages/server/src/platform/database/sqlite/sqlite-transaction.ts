import { DatabaseError } from '../errors.ts';
import type { Template } from '../sql.ts';
import type { InteractiveTx, Query, SqlValue } from '../types.ts';
import { OperationsCollector } from './operations.ts';
import type { Answer, Operations } from './protocol.ts';
import { rowsFrom } from './reader.ts';
import type { Writer } from './writer.ts';

/**
 * A transaction that reads what it wrote. Its statements run in the writer thread, each awaited one a message there and back: so its
 * fsync does not stop the event loop, and it has the write lock simply by being the writer's only work.
 */
export class SqliteTransaction implements InteractiveTx {
  readonly #writer: Writer;
  readonly #collector: OperationsCollector;
  #failure: DatabaseError | undefined;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#collector = new OperationsCollector(new Set<Template>(), 0);
    this.#collector.operations = [];
  }

  run(query: Query): void {
    this.#collector.run(query);
  }

  insertMany(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[], onConflict?: string): void {
    this.#collector.insertMany(table, columns, rows, onConflict);
  }

  onCommit(callback: () => void): void {
    this.#collector.onCommit(callback);
  }

  async all<Row>(query: Query<Row>): Promise<Row[]> {
    const answer = await this.#step(query, 'rows');
    return answer.kind === 'rows' ? rowsFrom<Row>(answer.answer.names, answer.answer.rows) : [];
  }

  async get<Row>(query: Query<Row>): Promise<Row | undefined> {
    return (await this.all(query))[0];
  }

  async change(query: Query): Promise<number> {
    const answer = await this.#step(query, 'changes');
    return answer.kind === 'changes' ? answer.changes : 0;
  }

  /** Ends it. Gives the callbacks of `onCommit` when it is committed; rejects when it is not, even though that was asked for. */
  async end(commit: boolean): Promise<readonly (() => void)[]> {
    const before = commit && this.#failure === undefined ? this.#takeCollected() : [];
    this.#collector.finished = true;
    await this.#writer.request({ kind: 'end', before, commit: commit && this.#failure === undefined });
    if (commit && this.#failure !== undefined) throw this.#failure;
    return this.#collector.callbacks;
  }

  async #step(query: Query, want: 'rows' | 'changes'): Promise<Answer> {
    if (this.#failure !== undefined) throw this.#failure;
    const last: Operations = [];
    this.#collector.add(last, query);
    const before = this.#takeCollected();
    try {
      return await this.#writer.request({ kind: 'step', before, last, want });
    } catch (error) {
      // As on PostgreSQL: after a statement that failed, the transaction can only be rolled back.
      if (error instanceof DatabaseError) this.#failure = error;
      throw error;
    }
  }

  #takeCollected(): Operations {
    this.#writer.know(this.#collector.templates);
    const collected = this.#collector.operations;
    this.#collector.operations = [];
    return collected;
  }
}
