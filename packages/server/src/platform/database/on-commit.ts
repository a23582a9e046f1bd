/**
 * Calls what is to happen after a commit. One that throws is a bug of its own: it becomes an uncaught exception, and does not keep the
 * others of the same commit from hearing that they are durable.
 */
export function callAfterCommit(callbacks: readonly (() => void)[]): void {
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
