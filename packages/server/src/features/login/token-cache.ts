import type { CacheBudget } from '../../platform/cache/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';

/** What is remembered of an access token that was good. */
export interface KnownToken {
  readonly requester: UserRequester;
  readonly userNid: number;
  readonly expiresTs: number | undefined;
  /** When and from where the token was last noted to be in use. */
  seenTs: number;
  seenIp: string;
}

const entryBytes = 900;

/** The tokens in use, by their hash, so that a request finds its user without waiting. Forgets what was used longest ago. */
export class TokenCache {
  readonly #tokens = new Map<string, KnownToken>();
  readonly #byUser = new Map<number, Set<string>>();
  readonly #budget: CacheBudget;
  /** Goes up with everything that is forgotten: what was read before that must not be remembered after it. */
  evictions = 0;

  constructor(budget: CacheBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  get bytes(): number {
    return this.#tokens.size * entryBytes;
  }

  get(hash: string): KnownToken | undefined {
    const known = this.#tokens.get(hash);
    if (known === undefined) return undefined;
    this.#tokens.delete(hash);
    this.#tokens.set(hash, known);
    return known;
  }

  set(hash: string, known: KnownToken): void {
    const isNew = !this.#tokens.has(hash);
    this.#tokens.set(hash, known);
    const ofUser = this.#byUser.get(known.userNid);
    if (ofUser) ofUser.add(hash);
    else this.#byUser.set(known.userNid, new Set([hash]));
    if (isNew) this.#budget.account(entryBytes);
  }

  /** Forgets all tokens of a user. Those that are still good are read again when they are next used. */
  forgetUser(userNid: number): void {
    this.evictions++;
    for (const hash of this.#byUser.get(userNid) ?? []) this.#drop(hash);
  }

  evictOldest(): boolean {
    for (const hash of this.#tokens.keys()) {
      this.#drop(hash);
      return true;
    }
    return false;
  }

  #drop(hash: string): void {
    const known = this.#tokens.get(hash);
    if (known === undefined) return;
    this.#tokens.delete(hash);
    const ofUser = this.#byUser.get(known.userNid);
    ofUser?.delete(hash);
    if (ofUser?.size === 0) this.#byUser.delete(known.userNid);
    this.#budget.account(-entryBytes);
  }
}
