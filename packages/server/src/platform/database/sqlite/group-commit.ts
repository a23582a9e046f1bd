import { LANE_BROKEN, type Failure, type Operations } from './protocol.ts';

/** The engine as group commit needs it. */
export interface GroupEngine {
  exec(text: string): void;
  execute(operations: Operations): void;
  readonly inTransaction: boolean;
  failureOf(error: unknown): Failure;
}

/** Broken lanes are remembered only until the main thread has heard of it, which takes two messages; this is far more. */
const REMEMBERED_LANES = 10_000;

/**
 * Commits many batches with one transaction and so one fsync, each of them still all or nothing. The first attempt has no
 * savepoints, since nearly always every batch succeeds; when one fails, the group is done again with a savepoint around each; when
 * the transaction itself is lost (the disk is full), each batch gets a transaction of its own.
 */
export class GroupCommit {
  readonly #engine: GroupEngine;
  #brokenLanes = new Set<number>();

  constructor(engine: GroupEngine) {
    this.#engine = engine;
  }

  /** Gives the batches that failed, by index. Throws when no transaction could be started at all; then none is committed. */
  commit(batches: readonly Operations[]): (readonly [number, Failure])[] {
    try {
      return this.#commit(batches);
    } catch (error) {
      for (const batch of batches) this.#breakLane(batch);
      throw error;
    }
  }

  #commit(batches: readonly Operations[]): (readonly [number, Failure])[] {
    if (!batches.some((batch) => this.#brokenLanes.has(laneOf(batch)))) {
      const failure = this.#attempt(() => {
        for (const batch of batches) this.#engine.execute(batch);
      });
      if (failure === undefined) return [];
      if (batches.length === 1) return [this.#fail(0, batches[0] ?? [], failure)];
    }
    return this.#withSavepoints(batches) ?? this.#oneByOne(batches);
  }

  #withSavepoints(batches: readonly Operations[]): (readonly [number, Failure])[] | undefined {
    const failures: (readonly [number, Failure])[] = [];
    const lanesBefore = new Set(this.#brokenLanes);
    const lost = this.#attempt(() => {
      for (const [index, batch] of batches.entries()) {
        const refused = this.#refusal(index, batch);
        if (refused !== undefined) {
          failures.push(refused);
          continue;
        }
        this.#engine.exec('SAVEPOINT batch');
        try {
          this.#engine.execute(batch);
        } catch (error) {
          if (!this.#engine.inTransaction) throw error;
          this.#engine.exec('ROLLBACK TO batch');
          failures.push(this.#fail(index, batch, this.#engine.failureOf(error)));
        }
        this.#engine.exec('RELEASE batch');
      }
    });
    if (lost === undefined) return failures;
    this.#brokenLanes = lanesBefore;
    return undefined;
  }

  #oneByOne(batches: readonly Operations[]): (readonly [number, Failure])[] {
    const failures: (readonly [number, Failure])[] = [];
    for (const [index, batch] of batches.entries()) {
      const refused = this.#refusal(index, batch);
      if (refused !== undefined) {
        failures.push(refused);
        continue;
      }
      const failure = this.#attempt(() => this.#engine.execute(batch));
      if (failure !== undefined) failures.push(this.#fail(index, batch, failure));
    }
    return failures;
  }

  /** Runs `work` in a transaction. Gives why it was rolled back. */
  #attempt(work: () => void): Failure | undefined {
    this.#engine.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#engine.exec('COMMIT');
      return undefined;
    } catch (error) {
      // A full disk and an input error have rolled it back already.
      if (this.#engine.inTransaction) this.#engine.exec('ROLLBACK');
      return this.#engine.failureOf(error);
    }
  }

  #refusal(index: number, batch: Operations): readonly [number, Failure] | undefined {
    if (!this.#brokenLanes.has(laneOf(batch))) return undefined;
    return [index, { code: LANE_BROKEN, message: 'An earlier write of this lane failed' }];
  }

  #fail(index: number, batch: Operations, failure: Failure): readonly [number, Failure] {
    this.#breakLane(batch);
    return [index, failure];
  }

  #breakLane(batch: Operations): void {
    const lane = laneOf(batch);
    if (lane !== 0) this.#brokenLanes.add(lane);
    if (this.#brokenLanes.size <= REMEMBERED_LANES) return;
    for (const oldest of this.#brokenLanes) {
      this.#brokenLanes.delete(oldest);
      break;
    }
  }
}

function laneOf(batch: Operations): number {
  return typeof batch[0] === 'number' ? batch[0] : 0;
}
