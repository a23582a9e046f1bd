/**
 * What the main thread and the writer thread say to each other. Requests are answered one by one, in order. A batch or a step is one
 * flat array, because that is what a structured clone copies cheapest:
 * `[lane, statement, rows, ...values of each row, statement, rows, ...]`.
 */
export type Operations = unknown[];

export interface StatementText {
  readonly id: number;
  readonly text: string;
  readonly parameters: number;
}

export interface OpenSettings {
  readonly path: string;
  readonly synchronous: 'full' | 'normal' | 'off';
  readonly cacheBytes: number;
  readonly busyTimeoutMs: number;
  readonly checkpointBytes: number;
  /** The file may not grow beyond this many pages. */
  readonly maxPages?: number | undefined;
}

export type Request = { readonly statements?: readonly StatementText[] } & (
  | { readonly kind: 'open'; readonly settings: OpenSettings }
  | { readonly kind: 'group'; readonly batches: readonly Operations[] }
  | { readonly kind: 'begin' }
  | { readonly kind: 'step'; readonly before: Operations; readonly last?: Operations; readonly want?: 'rows' | 'changes' }
  | { readonly kind: 'end'; readonly before: Operations; readonly commit: boolean }
  | { readonly kind: 'close' }
);

/** An engine's error, as it crosses between threads. `code` is SQLite's extended result code, or one of the two below. */
export interface Failure {
  readonly code: number;
  readonly message: string;
}

/** The batch was not tried, because an earlier one of its lane failed. */
export const LANE_BROKEN = -1;
/** Not an error of SQLite. */
export const OTHER_FAILURE = -2;

export interface RowsAnswer {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'rows'; readonly answer: RowsAnswer }
  | { readonly kind: 'changes'; readonly changes: number }
  /** Some batches of the group failed, by their index; the others are committed. */
  | { readonly kind: 'partly'; readonly failures: readonly (readonly [number, Failure])[] }
  | { readonly kind: 'failed'; readonly failure: Failure };
