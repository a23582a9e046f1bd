/** Something that was to happen later. */
export interface Scheduled {
  /** It happens no more; nothing if it already has. */
  cancel(): void;
}

/** Time, as an argument: whoever needs it is given one, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since 1970 (whole), as events and tokens carry them; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds since some moment (with fractions), never going back: for measuring how long something took. */
  monotonic(): number;
  /** Calls `callback` once, `delayMs` milliseconds from now. Does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): Scheduled;
  /** Resolves `delayMs` milliseconds from now, or as soon as `signal` aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

// setTimeout fires at once for anything longer.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: scheduleOnSystem,
  sleep: (delayMs, signal) => sleepOn(scheduleOnSystem, delayMs, signal),
};

function scheduleOnSystem(delayMs: number, callback: () => void): Scheduled {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timer =
      leftMs > LONGEST_TIMER_MS
        ? setTimeout(() => arm(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS)
        : setTimeout(callback, leftMs);
    timer.unref();
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(timer) };
}

async function sleepOn(schedule: Clock['schedule'], delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      scheduled.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const scheduled = schedule(delayMs, finish);
    signal?.addEventListener('abort', finish);
  });
}

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  /** Moves time on by `ms` and calls what falls due, in order of its time. */
  advance(ms: number): void;
  /** How many things are scheduled. */
  readonly pending: number;
}

/** A clock for tests; starts at `startMs`. */
export function createTestClock(startMs = 1_700_000_000_000): TestClock {
  let elapsed = 0;
  let order = 0;
  const waiting = new Set<{ due: number; order: number; callback: () => void }>();
  const schedule = (delayMs: number, callback: () => void): Scheduled => {
    const entry = { due: elapsed + Math.max(0, delayMs), order: order++, callback };
    waiting.add(entry);
    return { cancel: () => void waiting.delete(entry) };
  };
  return {
    now: () => startMs + Math.floor(elapsed),
    monotonic: () => elapsed,
    schedule,
    sleep: (delayMs, signal) => sleepOn(schedule, delayMs, signal),
    get pending() {
      return waiting.size;
    },
    advance(ms) {
      const target = elapsed + ms;
      for (;;) {
        const next = [...waiting].filter(({ due }) => due <= target).sort((a, b) => a.due - b.due || a.order - b.order)[0];
        if (!next) break;
        waiting.delete(next);
        elapsed = next.due;
        next.callback();
      }
      elapsed = target;
    },
  };
}
