import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SyncAnswer } from './build-sync.ts';

const limitBytes = 64_000_000;

/**
 * Answers that a client may not have received: one that asks the same again is given the same. `sync_response_cache_duration` of
 * `caches` in homeserver.yaml.
 */
export class KeptAnswers {
  readonly #clock: Clock;
  readonly #durationMs: number;
  readonly #answers: ByteCache<string, { readonly answer: SyncAnswer; readonly until: number }>;

  constructor(needs: { readonly clock: Clock; readonly caches: CacheBudget; readonly durationMs: number }) {
    this.#clock = needs.clock;
    this.#durationMs = needs.durationMs;
    this.#answers = new ByteCache({
      budget: needs.caches,
      limitBytes,
      cost: ({ answer }) => answer.parts.reduce((sum, part) => sum + stringBytes(part), 0),
    });
  }

  find(key: string): SyncAnswer | undefined {
    const kept = this.#answers.get(key);
    if (kept === undefined) return undefined;
    if (kept.until > this.#clock.monotonic()) return kept.answer;
    this.#answers.delete(key);
    return undefined;
  }

  keep(key: string, answer: SyncAnswer): void {
    if (this.#durationMs <= 0) return;
    this.#answers.set(key, { answer, until: this.#clock.monotonic() + this.#durationMs });
  }
}
