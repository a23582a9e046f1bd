/**
 * What a statement's parameter may be. Booleans are stored as 0 and 1 on both databases; integers within ±(2^53 − 1). Text may hold
 * U+0000 on both, but no lone surrogates.
 */
export type SqlValue = string | number | null | Uint8Array | boolean;

/** One statement made by the `sql` tag; its text is the same for both databases. */
export interface Query<Row = unknown> {
  /** Identity of the template: the key of the prepared statement. */
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
  /** Only a type: what a row of the answer looks like. */
  readonly __row?: Row;
}

/** Reading. Sees what is committed, never a write that still waits for its commit. Rows are plain objects, bytes `Uint8Array`. */
export interface Db {
  all<Row>(query: Query<Row>): Promise<Row[]>;
  /** The first row, or undefined. */
  get<Row>(query: Query<Row>): Promise<Row | undefined>;
}

/** Writing. Collects statements that are committed as one atomic unit; none of them can be read back before that. */
export interface Tx {
  run(query: Query): void;
  /**
   * Inserts many rows with one statement. `table` and `columns` are constants of the code, never input.
   * `onConflict` is the text after `ON CONFLICT`, such as `(user_id) DO NOTHING`. With `DO UPDATE`, no two rows may have the same
   * key: PostgreSQL refuses that.
   */
  insertMany(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[], onConflict?: string): void;
  /** Runs after the commit is durable, in order of registration, before `write` resolves. Must not throw. */
  onCommit(callback: () => void): void;
}

/**
 * A transaction that may also read, its own writes included. For rare paths: on SQLite it holds the write lock while it runs. On
 * PostgreSQL such transactions are serialisable among themselves, and one that changes a row that a batch has changed meanwhile is
 * run again; that nobody inserts what it did not find is ensured by a unique index. After a statement that failed it can only be
 * rolled back, even if the failure is caught.
 */
export interface InteractiveTx extends Db, Tx {
  /** Runs a statement now and gives its rows (`RETURNING`). */
  all<Row>(query: Query<Row>): Promise<Row[]>;
  /** Runs a statement now and tells how many rows it changed. */
  change(query: Query): Promise<number>;
}

/**
 * Keeps writes in order: batches of one lane are committed in the order in which they were handed in, and when one fails all
 * later ones of that lane fail too (with `LaneBrokenError`) until a new lane is opened. A room's turn owns a lane.
 */
export interface WriteLane {
  readonly broken: boolean;
}

export interface Database extends Db {
  readonly dialect: 'sqlite' | 'postgres';
  /**
   * The hot path: `work` collects statements synchronously, the promise resolves when they are durable. Batches that wait at the
   * same time are committed together (group commit), each still all or nothing. Rejects with `ConstraintError`,
   * `DatabaseFullError`, `DatabaseUnavailableError` … when nothing of it is stored; only `WriteOutcomeUnknownError` leaves that open.
   */
  write<T>(work: (tx: Tx) => T, options?: { lane?: WriteLane }): Promise<T>;
  /**
   * The rare path: read, then write. Rolled back when `work` throws. `work` runs again, from the start, when it met another
   * transaction or lost its connection: what it does besides must bear that. `write` and `transaction` must not be called in it.
   */
  transaction<T>(work: (tx: InteractiveTx) => Promise<T>): Promise<T>;
  openLane(): WriteLane;
  close(): Promise<void>;
}
