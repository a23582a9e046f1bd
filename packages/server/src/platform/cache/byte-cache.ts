/** Where a cache stands in the order of eviction. */
interface Evictable {
  /** Drops its least recently used entry; false when it is empty. */
  evictOldest(): boolean;
  readonly bytes: number;
}

/**
 * The bytes that all caches of a process may take together. When they are used up, the cache that holds most gives up what it used
 * longest ago: a cache that is small is not emptied for one that is large.
 */
export class CacheBudget {
  readonly limitBytes: number;
  #usedBytes = 0;
  readonly #caches = new Set<Evictable>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** For caches: takes part in eviction from now on. */
  join(cache: Evictable): void {
    this.#caches.add(cache);
  }

  /** For caches: so many bytes more (or less, when negative) are held. */
  account(bytes: number): void {
    this.#usedBytes += bytes;
    while (this.#usedBytes > this.limitBytes) {
      let largest: Evictable | undefined;
      for (const cache of this.#caches) {
        if (largest === undefined || cache.bytes > largest.bytes) largest = cache;
      }
      if (largest === undefined || !largest.evictOldest()) return;
    }
  }
}

/** What a map's slot and the bookkeeping of an entry take, roughly. */
const ENTRY_BYTES = 100;

export interface ByteCacheOptions<Key, Value> {
  readonly budget: CacheBudget;
  /** Roughly the bytes that key and value take in memory, without the cache's own bookkeeping. Asked once, when it is put in. */
  cost(value: Value, key: Key): number;
  /** A bound of its own below the shared one. */
  readonly limitBytes?: number;
}

/** Keeps what was used last, within a number of bytes that is shared with all other caches. */
export class ByteCache<Key, Value> implements Evictable {
  readonly #entries = new Map<Key, { readonly value: Value; readonly bytes: number }>();
  readonly #options: ByteCacheOptions<Key, Value>;
  #bytes = 0;

  constructor(options: ByteCacheOptions<Key, Value>) {
    this.#options = options;
    options.budget.join(this);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value, which then counts as just used. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The value, without counting as used. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    const before = this.#entries.get(key);
    const bytes = this.#options.cost(value, key) + ENTRY_BYTES;
    if (before !== undefined) this.#entries.delete(key);
    this.#entries.set(key, { value, bytes });
    const limit = this.#options.limitBytes ?? Infinity;
    this.#account(bytes - (before?.bytes ?? 0));
    while (this.#bytes > limit && this.evictOldest());
  }

  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#account(-entry.bytes);
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#account(-this.#bytes);
  }

  evictOldest(): boolean {
    for (const key of this.#entries.keys()) return this.delete(key);
    return false;
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    this.#options.budget.account(bytes);
  }
}

/** Bytes that a string takes: one a character where all are Latin-1, else two; its header included. */
export function stringBytes(text: string): number {
  // Two a character is the safe guess: finding out would read the whole string.
  return 24 + 2 * text.length;
}
