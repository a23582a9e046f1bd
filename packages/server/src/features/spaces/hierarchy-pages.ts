import { invalidParam } from '@myelin/protocol/errors';

import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { HierarchyPlace, HierarchyQuestion } from './walk-hierarchy.ts';

interface Page {
  readonly userNid: number;
  readonly question: HierarchyQuestion;
  readonly place: HierarchyPlace;
  readonly expiresMs: number;
}

const lifetimeMs = 600_000;
const limitBytes = 16_000_000;
const tokenLength = 24;
const bytesOfAWaitingRoom = 300;
const bytesOfASeenRoom = 60;

/** Where clients may go on in a space tree. Kept in memory, for a while: after that they begin anew. */
export class HierarchyPages {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pages: ByteCache<string, Page>;

  constructor(needs: { readonly clock: Clock; readonly random: Random; readonly caches: CacheBudget }) {
    this.#clock = needs.clock;
    this.#random = needs.random;
    this.#pages = new ByteCache({
      budget: needs.caches,
      limitBytes,
      cost: ({ place }) => bytesOfAWaitingRoom * place.waiting.length + bytesOfASeenRoom * place.seen.size,
    });
  }

  /** Keeps a place and returns its `next_batch`. */
  keep(userNid: number, question: HierarchyQuestion, place: HierarchyPlace): string {
    const token = this.#random.token(tokenLength);
    this.#pages.set(token, { userNid, question, place, expiresMs: this.#clock.monotonic() + lifetimeMs });
    return token;
  }

  /** The place behind a `from`. Throws M_INVALID_PARAM where there is none for this user, and where something else is asked than before. */
  find(token: string, userNid: number, question: HierarchyQuestion): HierarchyPlace {
    const page = this.#pages.get(token);
    if (!page || page.userNid !== userNid || page.expiresMs < this.#clock.monotonic()) {
      throw invalidParam('from is not a token of this server, or it has expired');
    }
    const { roomId, suggestedOnly, maxDepth } = page.question;
    if (roomId !== question.roomId || suggestedOnly !== question.suggestedOnly || maxDepth !== question.maxDepth) {
      throw invalidParam('suggested_only and max_depth cannot change on paginated requests');
    }
    return page.place;
  }
}
