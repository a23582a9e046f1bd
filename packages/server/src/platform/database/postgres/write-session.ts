import { randomBytes } from 'node:crypto';

import { DatabaseError, WriteOutcomeUnknownError } from '../errors.ts';
import type { PostgresSettings } from '../settings.ts';
import { sql, templateOf } from '../sql.ts';
import type { Statement } from './collector.ts';
import { Connection, type Result } from './connection.ts';
import { codeOf, isConnectionLoss, isWorthRetrying, postgresError } from './postgres-errors.ts';
import { postgresValue } from './values.ts';

/** What became of a transaction. */
export type Outcome =
  | { readonly committed: true }
  /** It has left nothing, for certain, unless the error is a `WriteOutcomeUnknownError`. `again`: it may succeed another time. */
  | { readonly committed: false; readonly error: Error; readonly again: boolean };

const DIVISION_BY_ZERO = '22012';
const SERVER_CUT_OFF = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND usename = current_user`;
const RENAME = 'UPDATE write_sessions SET id = $2 WHERE id = $1 OR id = $2 RETURNING position';
/** How often an answer is looked for over connections that break in turn. */
const LOOK_UPS = 20;

/**
 * One connection that writes, able to say what became of a commit whose answer was lost with the connection.
 *
 * Each session has a row in `write_sessions`; each of its transactions moves the row's position on by one, and fails (by dividing by
 * zero) when the row is gone. When a connection breaks during a commit, a new one gives the row another name: this waits for the old
 * transaction if it still runs, tells by the position whether it was committed, and shuts out whatever of it the server may yet
 * receive. So the writes can be done again, without the danger of doing them twice. The question may itself be cut off and asked
 * again: the row stays, under its other name, until it is a month old.
 */
export class WriteSession {
  readonly #settings: PostgresSettings;
  #connection: Connection | undefined;
  #id = '';
  #position = 0;

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
  }

  /** The open connection. Rejects with `DatabaseUnavailableError` when there is none within the settings' patience, or as the driver does. */
  async connection(): Promise<Connection> {
    if (this.#connection?.alive === true) return this.#connection;
    const id = `myelin-write-${randomBytes(12).toString('hex')}`;
    const setup = this.#settings.synchronousCommit === 'off' ? ['SET synchronous_commit = off'] : [];
    const connection = await Connection.openPatiently(this.#settings, id, setup);
    try {
      await connection.query('INSERT INTO write_sessions (id, position) VALUES ($1, 0)', [id]);
    } catch (error) {
      connection.end();
      throw error;
    }
    this.#id = id;
    this.#position = 0;
    this.#connection = connection;
    return connection;
  }

  /** Runs the statements as one transaction, in one round trip. */
  async commit(statements: readonly Statement[]): Promise<Outcome> {
    let connection: Connection;
    try {
      connection = await this.connection();
    } catch (error) {
      return { committed: false, error: postgresError(error), again: false };
    }
    return this.#finish(connection, 'BEGIN', statements);
  }

  /** Commits what has run on the connection since its own `BEGIN`, with these statements at the end. */
  commitOpen(connection: Connection, statements: readonly Statement[]): Promise<Outcome> {
    return this.#finish(connection, undefined, statements);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection?.alive !== true) return;
    try {
      await connection.query('DELETE FROM write_sessions WHERE id = $1', [this.#id]);
      await connection.close();
    } catch (error) {
      // The server ends at the same time as we do: the row is removed when it is a month old.
      if (!isConnectionLoss(error)) throw postgresError(error);
    }
  }

  async #finish(connection: Connection, begin: string | undefined, statements: readonly Statement[]): Promise<Outcome> {
    const position = ++this.#position;
    const fence = sql`WITH moved AS (UPDATE write_sessions SET position = ${position} WHERE id = ${this.#id} RETURNING id)
      SELECT 1 / count(*) FROM moved`;
    const answers = await new Promise<Answers>((resolve) => {
      const gather = new Gathering(statements.length + (begin === undefined ? 2 : 3), resolve);
      if (begin !== undefined) connection.sendText(begin, gather.next());
      connection.send(templateOf(fence), fence.values.map(postgresValue), gather.next());
      for (const { template, values } of statements) connection.send(template, values, gather.next());
      connection.sendText('COMMIT', gather.next());
    });
    if (answers.error === undefined) {
      if (answers.last?.command === 'COMMIT') return { committed: true };
      return { committed: false, error: new DatabaseError('PostgreSQL rolled the transaction back'), again: false };
    }
    if (isConnectionLoss(answers.error)) return this.#lookUp(position, answers.error);
    const fencedOff = codeOf(answers.error) === DIVISION_BY_ZERO && answers.errorAt === (begin === undefined ? 0 : 1);
    if (fencedOff) connection.end();
    return { committed: false, error: postgresError(answers.error), again: fencedOff || isWorthRetrying(answers.error) };
  }

  /** The connection broke during a commit: what became of it? */
  async #lookUp(position: number, cause: unknown): Promise<Outcome> {
    const lost = this.#id;
    this.#connection?.end();
    this.#connection = undefined;
    const unknown = (why: unknown): Outcome => {
      const message = `The connection to PostgreSQL was lost during a commit, and whether it happened is not known (${String(why)})`;
      return { committed: false, error: new WriteOutcomeUnknownError(message, { cause }), again: false };
    };
    for (let attempt = 1; ; attempt++) {
      try {
        const connection = await this.connection();
        await connection.query(SERVER_CUT_OFF, [lost]);
        const { rows } = await connection.query(RENAME, [lost, `${lost}-lost`]);
        const row = rows[0] as { position: number } | undefined;
        if (row === undefined) return unknown('its session is gone');
        if (row.position >= position) return { committed: true };
        return { committed: false, error: postgresError(cause), again: true };
      } catch (error) {
        // A database that stays away longer than patience lasts is no loss but a `DatabaseUnavailableError`.
        if (!isConnectionLoss(error) || attempt === LOOK_UPS) return unknown(error);
      }
    }
  }
}

interface Answers {
  /** The first that failed: those after it only say that the transaction is aborted. */
  readonly error: unknown;
  readonly errorAt: number;
  readonly last: Result | undefined;
}

/** Waits for all answers of one round trip. */
class Gathering {
  readonly #resolve: (answers: Answers) => void;
  #missing: number;
  #index = 0;
  #error: unknown;
  #errorAt = -1;
  #last: Result | undefined;

  constructor(count: number, resolve: (answers: Answers) => void) {
    this.#missing = count;
    this.#resolve = resolve;
  }

  next(): (error: unknown, result: Result) => void {
    const index = this.#index++;
    return (error, result) => {
      if (error) {
        this.#error ??= error;
        if (this.#errorAt === -1) this.#errorAt = index;
      } else {
        this.#last = result;
      }
      if (--this.#missing === 0) this.#resolve({ error: this.#error, errorAt: this.#errorAt, last: this.#last });
    };
  }
}
