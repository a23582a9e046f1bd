import { DatabaseUnavailableError } from '../errors.ts';
import type { PostgresSettings } from '../settings.ts';
import { templateOf } from '../sql.ts';
import type { Db, Query } from '../types.ts';
import { Connection, type Result } from './connection.ts';
import { isConnectionLoss, postgresError } from './postgres-errors.ts';
import { postgresValue } from './values.ts';

const SETUP = ['SET default_transaction_read_only = on'];
/** A read that loses its connection this often is not repeated: it may be what brings the server down. */
const ATTEMPTS = 4;
/** A plan that the schema has outrun; it is gone with the connection. */
const STALE_PLAN = /cached plan must not change result type/;

interface Slot {
  open?: Connection;
  opening?: Promise<Connection>;
}

/** Reads over one or two shared pipelined connections. A read has no effect, so it is simply repeated on a new connection. */
export class Reader implements Db {
  readonly #settings: PostgresSettings;
  readonly #slots: readonly Slot[];
  #turn = 0;
  #closed = false;

  constructor(settings: PostgresSettings, connections: number) {
    this.#settings = settings;
    this.#slots = Array.from({ length: connections }, () => ({}));
  }

  async all<Row>(query: Query<Row>): Promise<Row[]> {
    return (await this.#read(query)).rows as Row[];
  }

  async get<Row>(query: Query<Row>): Promise<Row | undefined> {
    return (await this.#read(query)).rows[0] as Row | undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const slot of this.#slots) {
      // A connection that cannot be opened has told the reads that wait for it.
      await slot.opening?.catch(() => undefined);
      await slot.open?.close();
    }
  }

  async #read(query: Query): Promise<Result> {
    const template = templateOf(query);
    const values = query.values.map(postgresValue);
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new DatabaseUnavailableError('The database is closed');
      const next = this.#connection();
      const connection = next instanceof Connection ? next : await next;
      try {
        return await connection.run(template, values);
      } catch (error) {
        const stale = error instanceof Error && STALE_PLAN.test(error.message);
        if (stale) connection.end();
        if (attempt === ATTEMPTS || !(stale || isConnectionLoss(error))) throw postgresError(error);
      }
    }
  }

  /** The next connection in turn, opened when it is not. */
  #connection(): Connection | Promise<Connection> {
    const slot = this.#slots[this.#turn++ % this.#slots.length] ?? {};
    if (slot.open?.alive === true) return slot.open;
    slot.opening ??= this.#open(slot);
    return slot.opening;
  }

  async #open(slot: Slot): Promise<Connection> {
    try {
      slot.open = await Connection.openPatiently(this.#settings, this.#settings.applicationName ?? 'myelin', SETUP);
      return slot.open;
    } finally {
      delete slot.opening;
    }
  }
}
