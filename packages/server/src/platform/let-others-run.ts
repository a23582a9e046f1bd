/**
 * Resolves when everything else that is ready has had its turn of the event loop: for long work in small steps. (What only waits for
 * promises that are resolved already lets nobody else run, not even when it awaits them.)
 */
export function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
