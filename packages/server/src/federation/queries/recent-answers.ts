import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';

/** How long answers are good for, in milliseconds. */
export interface Freshness<Value> {
  readonly freshMs: (value: Value) => number;
  readonly bytes: (value: Value) => number;
  readonly limitBytes: number;
}

interface Kept<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/** Answers of other servers that are still fresh. Who asks while the same question is under way waits for the same answer. */
export class RecentAnswers<Value> {
  readonly #clock: Clock;
  readonly #freshness: Freshness<Value>;
  readonly #kept: ByteCache<string, Kept<Value>>;
  readonly #underWay = new Map<string, Promise<Value>>();

  constructor(needs: { readonly clock: Clock; readonly caches: CacheBudget }, freshness: Freshness<Value>) {
    this.#clock = needs.clock;
    this.#freshness = freshness;
    this.#kept = new ByteCache({
      budget: needs.caches,
      limitBytes: freshness.limitBytes,
      cost: ({ value }, question) => freshness.bytes(value) + 2 * question.length,
    });
  }

  /** The answer to a question, from memory or by asking. A question that fails is not remembered. */
  async of(question: string, ask: () => Promise<Value>): Promise<Value> {
    const kept = this.#kept.get(question);
    if (kept && kept.untilMs > this.#clock.monotonic()) return kept.value;
    const underWay = this.#underWay.get(question);
    if (underWay) return underWay;
    const asking = ask();
    this.#underWay.set(question, asking);
    try {
      const value = await asking;
      const freshMs = this.#freshness.freshMs(value);
      // Forgotten meanwhile: the answer may be from before what made it old.
      const isCurrent = this.#underWay.get(question) === asking;
      if (freshMs > 0 && isCurrent) this.#kept.set(question, { value, untilMs: this.#clock.monotonic() + freshMs });
      return value;
    } finally {
      if (this.#underWay.get(question) === asking) this.#underWay.delete(question);
    }
  }

  /** The answer to this question is known to be old: it is asked again. */
  forget(question: string): void {
    this.#kept.delete(question);
    this.#underWay.delete(question);
  }
}
