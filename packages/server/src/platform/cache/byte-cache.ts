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

interface Entry<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  readonly bytes: number;
  /** Used before this one, and after it. */
  older: Entry<Key, Value> | undefined;
  newer: Entry<Key, Value> | undefined;
}

/**
 * Keeps what was used last, within a number of bytes that is shared with all other caches. The order of use is a chain through the
 * entries: a map that is told of each use by taking its entry out and putting it in is laid out anew, as a whole, every so many reads.
 */
export class ByteCache<Key, Value> implements Evictable {
  readonly #entries = new Map<Key, Entry<Key, Value>>();
  readonly #options: ByteCacheOptions<Key, Value>;
  #oldest: Entry<Key, Value> | undefined;
  #newest: Entry<Key, Value> | undefined;
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
    if (entry !== this.#newest) {
      this.#unchain(entry);
      this.#chain(entry);
    }
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
    if (before !== undefined) this.#unchain(before);
    const entry: Entry<Key, Value> = { key, value, bytes, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#chain(entry);
    const limit = this.#options.limitBytes ?? Infinity;
    this.#account(bytes - (before?.bytes ?? 0));
    while (this.#bytes > limit && this.evictOldest());
  }

  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#unchain(entry);
    this.#account(-entry.bytes);
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
    this.#account(-this.#bytes);
  }

  evictOldest(): boolean {
    return this.#oldest !== undefined && this.delete(this.#oldest.key);
  }

  /** As the one that was used last. */
  #chain(entry: Entry<Key, Value>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unchain(entry: Entry<Key, Value>): void {
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
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
