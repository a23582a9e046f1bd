/** A queue that gives its smallest element first. */
export interface SmallestFirst<Item> {
  push(item: Item): void;
  pop(): Item | undefined;
}

/** A binary heap under a comparison as `Array.sort` takes it. */
export function smallestFirst<Item>(compare: (a: Item, b: Item) => number): SmallestFirst<Item> {
  const heap: Item[] = [];
  const before = (a: number, b: number) => compare(heap[a] as Item, heap[b] as Item) < 0;
  const swap = (a: number, b: number) => {
    const item = heap[a] as Item;
    heap[a] = heap[b] as Item;
    heap[b] = item;
  };
  return {
    push(item) {
      let at = heap.push(item) - 1;
      for (let parent = (at - 1) >> 1; at > 0 && before(at, parent); parent = (at - 1) >> 1) {
        swap(at, parent);
        at = parent;
      }
    },
    pop() {
      if (heap.length === 0) return undefined;
      swap(0, heap.length - 1);
      const smallest = heap.pop();
      for (let at = 0; ;) {
        const left = 2 * at + 1;
        const right = left + 1;
        let least = at;
        if (left < heap.length && before(left, least)) least = left;
        if (right < heap.length && before(right, least)) least = right;
        if (least === at) return smallest;
        swap(at, least);
        at = least;
      }
    },
  };
}
