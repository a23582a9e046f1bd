import { systemClock } from '../../clock.ts';
import { DatabaseUnavailableError, SerialisationError } from '../errors.ts';
import { callAfterCommit } from '../on-commit.ts';
import type { PostgresSettings } from '../settings.ts';
import type { InteractiveTx } from '../types.ts';
import type { ColumnTypes } from './column-types.ts';
import type { Connection } from './connection.ts';
import { isConnectionLoss, isWorthRetrying, postgresError } from './postgres-errors.ts';
import { PostgresTransaction } from './postgres-transaction.ts';
import { WriteSession } from './write-session.ts';

const ATTEMPTS = 30;
const LONGEST_PAUSE_MS = 200;

type Attempt<T> =
  | { readonly done: true; readonly result: T }
  | { readonly done: false; readonly error: unknown; readonly again: boolean };

/** Interactive transactions, a few at a time. They are serialisable among themselves; who loses is run again from the start. */
export class Transactions {
  readonly #types: ColumnTypes;
  readonly #sessions: readonly WriteSession[];
  readonly #idle: WriteSession[];
  readonly #waiting: ((session: WriteSession) => void)[] = [];
  #running = 0;
  #closed = false;
  readonly #whenIdle: (() => void)[] = [];

  constructor(settings: PostgresSettings, connections: number, types: ColumnTypes) {
    this.#types = types;
    this.#sessions = Array.from({ length: connections }, () => new WriteSession(settings));
    this.#idle = [...this.#sessions];
  }

  async run<T>(work: (tx: InteractiveTx) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DatabaseUnavailableError('The database is closed');
    this.#running++;
    const session = this.#idle.pop() ?? (await new Promise<WriteSession>((resolve) => this.#waiting.push(resolve)));
    try {
      for (let attempt = 1; ; attempt++) {
        const outcome = await this.#attempt(session, work);
        if (outcome.done) return outcome.result;
        if (!outcome.again) throw outcome.error;
        if (attempt === ATTEMPTS) {
          throw new SerialisationError(`A transaction met others ${ATTEMPTS} times and was given up`, { cause: outcome.error });
        }
        await systemClock.sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
      }
    } finally {
      this.#running--;
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(session);
      else next(session);
      if (this.#running === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    for (const session of this.#sessions) await session.close();
  }

  async #attempt<T>(session: WriteSession, work: (tx: InteractiveTx) => Promise<T>): Promise<Attempt<T>> {
    let connection: Connection;
    try {
      connection = await session.connection();
    } catch (error) {
      return { done: false, error: postgresError(error), again: isConnectionLoss(error) };
    }
    const transaction = new PostgresTransaction(connection, this.#types);
    let result: T;
    let last;
    try {
      await connection.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
      result = await work(transaction);
      last = await transaction.finish();
      if (transaction.failure !== undefined) throw postgresError(transaction.failure);
    } catch (error) {
      // Nothing was committed: that has not been asked for yet.
      const failure = transaction.failure ?? error;
      const lost = transaction.failure !== undefined ? isConnectionLoss(failure) : !connection.alive;
      if (!lost) await connection.query('ROLLBACK').catch(() => connection.end());
      return {
        done: false,
        error: transaction.failure === undefined ? error : postgresError(failure),
        again: lost || isWorthRetrying(failure),
      };
    }
    const outcome = await session.commitOpen(connection, last);
    if (!outcome.committed) return { done: false, error: outcome.error, again: outcome.again };
    callAfterCommit(transaction.callbacks);
    return { done: true, result };
  }
}
