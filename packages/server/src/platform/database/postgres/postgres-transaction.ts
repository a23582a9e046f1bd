import type { InteractiveTx, Query, SqlValue } from '../types.ts';
import { StatementCollector, statementOf, statementsOf, type Statement } from './collector.ts';
import type { ColumnTypes } from './column-types.ts';
import type { Connection, Result } from './connection.ts';
import { postgresError } from './postgres-errors.ts';

/** A transaction that reads what it wrote, on a connection of its own between `BEGIN` and `COMMIT`. */
export class PostgresTransaction implements InteractiveTx {
  readonly #connection: Connection;
  readonly #types: ColumnTypes;
  readonly #collector = new StatementCollector();
  /** What went wrong first, as the driver gave it: whether the work is worth repeating depends on it. */
  failure: unknown;

  constructor(connection: Connection, types: ColumnTypes) {
    this.#connection = connection;
    this.#types = types;
  }

  get callbacks(): readonly (() => void)[] {
    return this.#collector.callbacks;
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
    return (await this.#step(query)).rows as Row[];
  }

  async get<Row>(query: Query<Row>): Promise<Row | undefined> {
    return (await this.all(query))[0];
  }

  async change(query: Query): Promise<number> {
    return (await this.#step(query)).rowCount ?? 0;
  }

  /** No more statements: gives those that still have to run before the commit. */
  async finish(): Promise<Statement[]> {
    this.#collector.finished = true;
    return statementsOf(this.#takeCollected(), this.#types);
  }

  async #step(query: Query): Promise<Result> {
    if (this.failure !== undefined) throw postgresError(this.failure);
    if (this.#collector.finished) throw new Error('The transaction has ended: nothing can be added to it');
    const last = statementOf(query);
    const before = await statementsOf(this.#takeCollected(), this.#types);
    const results = await Promise.allSettled(
      [...before, last].map(({ template, values }) => this.#connection.run(template, values)),
    );
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      this.failure = result.reason;
      throw postgresError(result.reason);
    }
    const answer = results.at(-1);
    if (answer?.status !== 'fulfilled') throw new Error('A statement was not answered');
    return answer.value;
  }

  #takeCollected(): StatementCollector['collected'] {
    const collected = this.#collector.collected;
    this.#collector.collected = [];
    return collected;
  }
}
