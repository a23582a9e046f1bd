/**
 * Remembers which keys (rooms, users) of a stream moved lately, so that "what changed since this token" costs work for what changed
 * and not for all there is. Bounded: it forgets the oldest and then says that it does not know.
 */
export class RecentChanges {
  /** Key to its latest position; insertion order is order of position, because each change re-inserts its key. */
  readonly #latest = new Map<number, number>();
  readonly #limit: number;
  /** Below this position nothing is known. */
  #horizon: number;

  /** @param startPosition the stream's position now: of what lies before it nothing is known. */
  constructor(startPosition: number, limit = 100_000) {
    this.#horizon = startPosition;
    this.#limit = limit;
  }

  /** Notes that `key` changed at `position`. Positions of one key may come out of order; the largest counts. */
  changed(key: number, position: number): void {
    const known = this.#latest.get(key);
    if (known !== undefined && known >= position) return;
    this.#latest.delete(key);
    this.#latest.set(key, position);
    if (this.#latest.size <= this.#limit) return;
    const oldest = this.#latest.entries().next().value;
    if (!oldest) return;
    this.#latest.delete(oldest[0]);
    this.#horizon = Math.max(this.#horizon, oldest[1]);
  }

  /** Whether everything after `since` is remembered. */
  covers(since: number): boolean {
    return since >= this.#horizon;
  }

  /** May `key` have changed after `since`? True also where it is not known. */
  mayHaveChanged(key: number, since: number): boolean {
    if (!this.covers(since)) return true;
    const latest = this.#latest.get(key);
    return latest !== undefined && latest > since;
  }

  /**
   * Those of `keys` that may have changed after `since`. Walks the changes or the keys, whichever are fewer.
   * Undefined where the past is not known that far back: ask the database.
   */
  amongChangedSince(keys: ReadonlySet<number>, since: number): number[] | undefined {
    if (!this.covers(since)) return undefined;
    const found: number[] = [];
    if (keys.size <= 32 || keys.size < this.#latest.size / 8) {
      for (const key of keys) {
        const latest = this.#latest.get(key);
        if (latest !== undefined && latest > since) found.push(key);
      }
      return found;
    }
    for (const [key, latest] of this.#latest) if (latest > since && keys.has(key)) found.push(key);
    return found;
  }
}
