import { systemClock } from '../../clock.ts';
import { DatabaseUnavailableError, LaneBrokenError } from '../errors.ts';
import type { Lane } from '../lane.ts';
import type { PostgresSettings } from '../settings.ts';
import { statementsOf, type Collected } from './collector.ts';
import type { ColumnTypes } from './column-types.ts';
import { postgresError } from './postgres-errors.ts';
import { WriteSession, type Outcome } from './write-session.ts';

/** Together in one transaction; more would make one batch that waits for a row's lock hold up too many others. */
const BATCHES_IN_A_GROUP = 64;
const WAITING_BATCHES = 50_000;
const ATTEMPTS = 6;

export interface WaitingBatch {
  readonly collected: readonly Collected[];
  readonly lane: Lane | undefined;
  committed(): void;
  failed(error: Error): void;
}

/**
 * Batches on their way to a few writing connections. A connection that is free takes all that wait and commits them together; a lane
 * is at one connection at a time, which keeps its order.
 */
export class WriteQueue {
  readonly #types: ColumnTypes;
  readonly #idle: WriteSession[];
  readonly #sessions: readonly WriteSession[];
  readonly #busyLanes = new Set<Lane>();
  #waiting: WaitingBatch[] = [];
  #scheduled = false;
  #closed = false;
  readonly #whenIdle: (() => void)[] = [];

  constructor(settings: PostgresSettings, connections: number, types: ColumnTypes) {
    this.#types = types;
    this.#sessions = Array.from({ length: connections }, () => new WriteSession(settings));
    this.#idle = [...this.#sessions];
  }

  enqueue(batch: WaitingBatch): void {
    if (this.#closed) return batch.failed(new DatabaseUnavailableError('The database is closed'));
    if (this.#waiting.length >= WAITING_BATCHES) {
      return batch.failed(new DatabaseUnavailableError(`${WAITING_BATCHES} writes wait for PostgreSQL: it does not keep up`));
    }
    this.#waiting.push(batch);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After everything that this turn of the event loop brought in.
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Waits for everything handed in, then ends the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#waiting.length > 0 || this.#idle.length < this.#sessions.length) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    for (const session of this.#sessions) await session.close();
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const session = this.#idle.pop();
      if (session === undefined) return;
      const group = this.#takeGroup();
      if (group.length === 0) {
        this.#idle.push(session);
        break;
      }
      void this.#run(session, group);
    }
    if (this.#waiting.length > 0 || this.#idle.length < this.#sessions.length) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #takeGroup(): WaitingBatch[] {
    const group: WaitingBatch[] = [];
    const left: WaitingBatch[] = [];
    const lanes = new Set<Lane>();
    for (const batch of this.#waiting) {
      const elsewhere = batch.lane !== undefined && this.#busyLanes.has(batch.lane);
      if (elsewhere || group.length === BATCHES_IN_A_GROUP) {
        left.push(batch);
      } else if (batch.lane?.broken === true) {
        batch.failed(new LaneBrokenError('An earlier write of this lane failed'));
      } else {
        group.push(batch);
        if (batch.lane !== undefined) lanes.add(batch.lane);
      }
    }
    for (const lane of lanes) this.#busyLanes.add(lane);
    this.#waiting = left;
    return group;
  }

  async #run(session: WriteSession, group: readonly WaitingBatch[]): Promise<void> {
    try {
      const outcome = await this.#attempt(session, group);
      if (outcome.committed) for (const batch of group) batch.committed();
      else if (group.length === 1 || outcome.error instanceof DatabaseUnavailableError)
        for (const batch of group) fail(batch, outcome.error);
      else await this.#runOneByOne(session, group);
    } finally {
      for (const { lane } of group) if (lane !== undefined) this.#busyLanes.delete(lane);
      this.#idle.push(session);
      this.#pump();
    }
  }

  /** Something in the group failed, and all of it is undone: each for itself finds out which. */
  async #runOneByOne(session: WriteSession, group: readonly WaitingBatch[]): Promise<void> {
    for (const batch of group) {
      if (batch.lane?.broken === true) {
        batch.failed(new LaneBrokenError('An earlier write of this lane failed'));
        continue;
      }
      const outcome = await this.#attempt(session, [batch]);
      if (outcome.committed) batch.committed();
      else fail(batch, outcome.error);
    }
  }

  async #attempt(session: WriteSession, group: readonly WaitingBatch[]): Promise<Outcome> {
    let statements;
    try {
      statements = await statementsOf(
        group.flatMap((batch) => batch.collected),
        this.#types,
      );
    } catch (error) {
      return { committed: false, error: postgresError(error), again: false };
    }
    if (statements.length === 0) return { committed: true };
    for (let attempt = 1; ; attempt++) {
      const outcome = await session.commit(statements);
      if (outcome.committed || !outcome.again || attempt === ATTEMPTS) return outcome;
      // Longer each time, and by chance, so that two that met do not meet again.
      await systemClock.sleep(Math.random() * 2 ** attempt);
    }
  }
}

function fail(batch: WaitingBatch, error: Error): void {
  if (batch.lane !== undefined) batch.lane.broken = true;
  batch.failed(error);
}
