import type { Clock } from '../clock.ts';
import { sql } from './sql.ts';
import type { Database, InteractiveTx } from './types.ts';

/** Anything that JSON can hold. */
export type Progress = { readonly [key: string]: unknown };

/** Long work on the data, done in small steps while the server serves. */
export interface BackgroundUpdate {
  /** Never changes once released: progress is stored under it. */
  readonly name: string;
  /**
   * One step, of some tens of milliseconds: reads and writes in `tx`, from where `progress` (`{}` at first) says. Gives the progress
   * to store with it, or `done`. May run again after a crash or a conflict, from the progress that is stored.
   */
  step(tx: InteractiveTx, progress: Progress): Promise<Progress | 'done'>;
}

export interface BackgroundUpdateStatus {
  readonly name: string;
  readonly finished: boolean;
  readonly paused: boolean;
  readonly progress: Progress;
}

interface StatusRow {
  name: string;
  progress: string;
  paused: number;
  finished: number;
}

export interface BackgroundUpdatesOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** In the order in which they run; an update may rely on those before it. */
  readonly updates: readonly BackgroundUpdate[];
  /** Told when a step fails; the update is tried again later, further apart each time. */
  readonly onFailure: (name: string, error: unknown) => void;
  /** After a step that took 1 ms, so many milliseconds of rest: 4 means that a fifth of the time is used. */
  readonly restFactor?: number;
}

const SHORTEST_REST_MS = 10;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 10 * 60_000;

/** Runs the background updates that are not finished, one at a time, each step a transaction of its own together with its progress. */
export class BackgroundUpdates {
  readonly #options: BackgroundUpdatesOptions;
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: BackgroundUpdatesOptions) {
    this.#options = options;
  }

  /** Goes on where the last run of the server stopped. Resolves when everything is finished, paused or stopped. */
  start(): Promise<void> {
    this.#running ??= this.#run(this.#stop.signal).finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Ends after the step that runs now. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#stop = new AbortController();
  }

  /** Where each update stands, in order. */
  async status(): Promise<BackgroundUpdateStatus[]> {
    const rows = await this.#options.database.all(
      sql<StatusRow>`SELECT name, progress, paused, finished FROM background_updates`,
    );
    const byName = new Map(rows.map((row) => [row.name, row]));
    return this.#options.updates.map(({ name }) => statusOf(name, byName.get(name)));
  }

  /** No further step of it, until it is resumed; also after a restart. Those after it wait too. */
  async pause(name: string): Promise<void> {
    await this.#setPaused(name, true);
  }

  /** It may go on; `start` is to be called if nothing runs. */
  async resume(name: string): Promise<void> {
    await this.#setPaused(name, false);
  }

  async #setPaused(name: string, paused: boolean): Promise<void> {
    await this.#options.database.write((tx) =>
      tx.run(sql`INSERT INTO background_updates (name, progress, paused, finished) VALUES (${name}, '{}', ${paused}, 0)
        ON CONFLICT (name) DO UPDATE SET paused = excluded.paused`),
    );
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (const update of this.#options.updates) {
      if (!(await this.#runUpdate(update, signal))) return;
    }
  }

  /** Gives false when it was stopped or is paused. */
  async #runUpdate(update: BackgroundUpdate, signal: AbortSignal): Promise<boolean> {
    const { clock, onFailure, restFactor = 4 } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const before = clock.monotonic();
      let restMs: number;
      try {
        const outcome = await this.#step(update);
        if (outcome !== 'going on') return outcome === 'finished';
        restMs = Math.max(SHORTEST_REST_MS, (clock.monotonic() - before) * restFactor);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        onFailure(update.name, error);
        restMs = retryMs;
        retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
      }
      await clock.sleep(restMs, signal);
    }
    return false;
  }

  #step(update: BackgroundUpdate): Promise<'finished' | 'paused' | 'going on'> {
    return this.#options.database.transaction(async (tx) => {
      const { name } = update;
      const row = await tx.get(
        sql<StatusRow>`SELECT name, progress, paused, finished FROM background_updates WHERE name = ${name}`,
      );
      const status = statusOf(name, row);
      if (status.finished) return 'finished';
      if (status.paused) return 'paused';
      const next = await update.step(tx, status.progress);
      const progress = JSON.stringify(next === 'done' ? status.progress : next);
      tx.run(sql`INSERT INTO background_updates (name, progress, paused, finished) VALUES (${name}, ${progress}, 0, ${next === 'done'})
        ON CONFLICT (name) DO UPDATE SET progress = excluded.progress, finished = excluded.finished`);
      return next === 'done' ? 'finished' : 'going on';
    });
  }
}

function statusOf(name: string, row: StatusRow | undefined): BackgroundUpdateStatus {
  const progress = row === undefined ? {} : (JSON.parse(row.progress) as Progress);
  return { name, finished: row?.finished === 1, paused: row?.paused === 1, progress };
}
