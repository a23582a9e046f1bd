import { ByteCache, type CacheBudget } from '../../../platform/cache/index.ts';

const remembered = 50_000;
const bytesOfANumber = 16;

/**
 * Knows of most events without asking the database that nothing relates to them. A fresh event goes out to all members of its room at
 * once, and five hundred of them must not each ask for what cannot be there yet.
 *
 * Of events that are younger than the process it knows it from having seen every relation that was made since; of older ones from
 * earlier answers of the database.
 */
export class KnownParents {
  /** Parents of relations made by this process. */
  readonly #parents = new Set<number>();
  /** Of events up to this one, `#parents` may have forgotten some. */
  #horizon: number;
  readonly #childless: ByteCache<number, true>;
  #generation = 0;

  /** @param lastEventNid the newest event when the process started */
  constructor(lastEventNid: number, budget: CacheBudget) {
    this.#horizon = lastEventNid;
    this.#childless = new ByteCache({ budget, cost: () => bytesOfANumber });
  }

  /** Counts the relations made so far; for `foundChildless`. */
  get generation(): number {
    return this.#generation;
  }

  /** May anything relate to this event? */
  mayHaveChildren(nid: number): boolean {
    if (this.#parents.has(nid)) return true;
    return nid <= this.#horizon && !this.#childless.has(nid);
  }

  /** Something relates to this event from now on. */
  becameParent(nid: number): void {
    this.#generation += 1;
    this.#childless.delete(nid);
    this.#parents.add(nid);
    if (this.#parents.size > remembered) this.#forgetOlderHalf();
  }

  /** The database had nothing about these events when it was asked at that generation. */
  foundChildless(nids: Iterable<number>, generation: number): void {
    // A relation that was made in between may be about one of them.
    if (generation !== this.#generation) return;
    for (const nid of nids) if (nid <= this.#horizon) this.#childless.set(nid, true);
  }

  #forgetOlderHalf(): void {
    const sorted = [...this.#parents].sort((a, b) => a - b);
    const older = sorted.slice(0, sorted.length / 2);
    for (const nid of older) this.#parents.delete(nid);
    this.#horizon = Math.max(this.#horizon, older.at(-1) ?? 0);
  }
}
