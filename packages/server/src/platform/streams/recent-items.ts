interface Tail<Item> {
  /** In order of position. */
  readonly items: Item[];
  /** Up to here something may be missing. */
  floor: number;
}

/**
 * The newest items of a stream, by the key (a room) that they belong to, so that those who follow a key cost no query. Bounded: it
 * forgets the oldest of a busy key and the keys that are quiet, and then says that it does not know.
 */
export class RecentItems<Item extends { readonly position: number }> {
  /** In order of the last item. */
  readonly #tails = new Map<number, Tail<Item>>();
  readonly #perKey: number;
  readonly #limit: number;
  #count = 0;
  #floor: number;

  /** @param startPosition the stream's position now: what lies before it is not here. */
  constructor(startPosition: number, limits: { readonly perKey: number; readonly all: number }) {
    this.#floor = startPosition;
    this.#perKey = limits.perKey;
    this.#limit = limits.all;
  }

  /** Takes an item that readers may see from now on. */
  add(key: number, item: Item): void {
    const tail = this.#tails.get(key) ?? { items: [], floor: 0 };
    this.#tails.delete(key);
    this.#tails.set(key, tail);
    const { items } = tail;
    // Commits may come out of order, but only just.
    items.splice(items.findLastIndex(({ position }) => position < item.position) + 1, 0, item);
    this.#count += 1;
    if (items.length > this.#perKey) {
      tail.floor = Math.max(tail.floor, items.shift()?.position ?? 0);
      this.#count -= 1;
    }
    while (this.#count > this.#limit) this.#forgetOldestKey();
  }

  /** A key's items after `since` and not after `upTo`, oldest first; undefined where they are not all here. */
  between(key: number, since: number, upTo: number): readonly Item[] | undefined {
    const tail = this.#tails.get(key);
    if (since < Math.max(this.#floor, tail?.floor ?? 0)) return undefined;
    if (!tail) return [];
    const { items } = tail;
    const first = items.findLastIndex(({ position }) => position <= since) + 1;
    const end = items.findLastIndex(({ position }) => position <= upTo) + 1;
    return items.slice(first, end);
  }

  #forgetOldestKey(): void {
    for (const [key, { items }] of this.#tails) {
      this.#tails.delete(key);
      this.#count -= items.length;
      this.#floor = Math.max(this.#floor, items.at(-1)?.position ?? 0);
      return;
    }
  }
}
