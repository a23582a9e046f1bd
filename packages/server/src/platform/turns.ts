/**
 * Lets what concerns one key happen one after another, and different keys side by side: for a read whose answer decides what is
 * written. A key costs memory only while something waits for it.
 */
export class Turns<Key> {
  readonly #last = new Map<Key, Promise<unknown>>();

  /** Runs `work` when all that was handed in for this key before has ended, well or not. It must not wait for its own key's turn. */
  take<Result>(key: Key, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const turn = before === undefined ? work() : before.then(work);
    const ended = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, ended);
    void ended.then(() => {
      if (this.#last.get(key) === ended) this.#last.delete(key);
    });
    return turn;
  }
}
