/** Some positions of a stream that one write has taken. */
export interface StreamPositions {
  /** The first of them. */
  readonly position: number;
  /** The write has ended, committed or failed. To be called exactly once; further calls do nothing. */
  finished(): void;
}

/**
 * Hands out the positions of a stream, whose one writer is this process. Positions are handed out before their rows are
 * committed, and writes may finish in another order; `now` never passes one that is still under way.
 */
export class StreamSequence {
  #next: number;
  /** First positions of unfinished writes, in order of handing out: `now` is just before the oldest. */
  readonly #unfinished = new Set<number>();

  /** `last`: the largest position in the stream's table, zero when it is empty. */
  constructor(last: number) {
    this.#next = last + 1;
  }

  /** The largest position below which, itself included, every write has finished. */
  now(): number {
    for (const oldest of this.#unfinished) return oldest - 1;
    return this.#next - 1;
  }

  /** The largest position handed out, finished or not. */
  get last(): number {
    return this.#next - 1;
  }

  /** Takes the next `count` positions, which must be at least one. */
  allocate(count = 1): StreamPositions {
    if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`${count} positions cannot be taken`);
    const position = this.#next;
    this.#next += count;
    this.#unfinished.add(position);
    return { position, finished: () => void this.#unfinished.delete(position) };
  }
}
