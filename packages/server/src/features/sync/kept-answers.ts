import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { SyncAnswer } from './build-sync.ts';

const limitBytes = 64_000_000;

interface Kept {
  /** The token that the client came with. */
  readonly since: string;
  readonly answer: SyncAnswer;
  readonly until: number;
}

/**
 * Answers that a client may not have received: one that asks the same again is given the same, for as long as
 * `sync_response_cache_duration` of `caches` in homeserver.yaml says. Of each client the last one: with its next request it shows that it
 * has those before. (All answers of two minutes would be the most of what a busy server holds.)
 */
export class KeptAnswers {
  readonly #clock: Clock;
  readonly #durationMs: number;
  readonly #answers: ByteCache<string, Kept>;

  constructor(needs: { readonly clock: Clock; readonly caches: CacheBudget; readonly durationMs: number }) {
    this.#clock = needs.clock;
    this.#durationMs = needs.durationMs;
    this.#answers = new ByteCache({
      budget: needs.caches,
      limitBytes,
      cost: ({ answer }) => answer.parts.reduce((sum, part) => sum + stringBytes(part), 0),
    });
  }

  /** @param client names the client and what it asks for, without its token */
  find(client: string, since: string): SyncAnswer | undefined {
    const kept = this.#answers.get(client);
    if (kept === undefined) return undefined;
    if (kept.since === since && kept.until > this.#clock.monotonic()) return kept.answer;
    this.#answers.delete(client);
    return undefined;
  }

  keep(client: string, since: string, answer: SyncAnswer): void {
    if (this.#durationMs <= 0) return;
    this.#answers.set(client, { since, answer, until: this.#clock.monotonic() + this.#durationMs });
  }
}
