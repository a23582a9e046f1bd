/**
 * Resolves when everything else that is ready has had its turn of the event loop: for long work in small steps. (What only waits for
 * promises that are resolved already lets nobody else run, not even when it awaits them.)
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** So long others wait at most for a slice of long work: a client's answer needs a few turns of the event loop. */
const sliceMs = 2;

/** What `map` makes of each item, in order. Lets others run between slices of a few milliseconds. */
export async function mapInSlices<Item, Result>(items: readonly Item[], map: (item: Item) => Result): Promise<Result[]> {
  const results: Result[] = [];
  let begun = performance.now();
  for (const item of items) {
    if (performance.now() - begun >= sliceMs) {
      await letOthersRun();
      begun = performance.now();
    }
    results.push(map(item));
  }
  return results;
}
