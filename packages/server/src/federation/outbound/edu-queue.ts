import type { Clock } from '../../platform/clock.ts';
import type { Edu, EduOptions, MergeEdus } from '../edu.ts';

interface WaitingEdu {
  readonly edu: Edu;
  readonly keyed: boolean;
  /** By `clock.monotonic()`. */
  readonly usefulUntil: number;
  readonly merge: MergeEdus | undefined;
}

/** One EDU as it leaves, and those that went into it. */
interface Bundle {
  edu: Edu;
  readonly merge: MergeEdus | undefined;
  parts: number;
}

const most = 1000;
/** For a server that is away less is kept: only the latest word of each, and not of many. */
const mostWhileAway = 100;
/** Keeps an EDU within some ten kilobytes. */
const mostInOne = 100;

/** The EDUs that wait for one server, oldest first: of those with the same key the latest alone. When there are too many, the oldest go. */
export class EduQueue {
  readonly #waiting = new Map<string, WaitingEdu>();
  readonly #clock: Clock;
  #unkeyed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  put(edu: Edu, { key, usefulMs = Infinity, merge }: EduOptions, isAway: boolean): void {
    if (isAway && key === undefined) return;
    const place = key === undefined ? `\0${++this.#unkeyed}` : `${edu.type}\0${key}`;
    this.#waiting.delete(place);
    const usefulUntil = this.#clock.monotonic() + usefulMs;
    this.#waiting.set(place, { edu, keyed: key !== undefined, usefulUntil, merge });
    this.#shrinkTo(isAway ? mostWhileAway : most);
  }

  /** The oldest that are of use still, as at most `limit` EDUs: some become one. They stay until `sent` is called. */
  next(limit: number): { readonly edus: readonly Edu[]; sent(): void } {
    const now = this.#clock.monotonic();
    const taken: [string, WaitingEdu][] = [];
    const bundles: Bundle[] = [];
    for (const [place, waiting] of this.#waiting) {
      if (waiting.usefulUntil <= now) this.#waiting.delete(place);
      else if (joins(bundles, waiting)) taken.push([place, waiting]);
      else if (bundles.length < limit) {
        bundles.push({ edu: waiting.edu, merge: waiting.merge, parts: 1 });
        taken.push([place, waiting]);
      } else break;
    }
    return {
      edus: bundles.map(({ edu }) => edu),
      sent: () => {
        // What has taken its place meanwhile has not been sent.
        for (const [place, waiting] of taken) if (this.#waiting.get(place) === waiting) this.#waiting.delete(place);
      },
    };
  }

  /** The server cannot be reached: what would be stale when it can is not kept. */
  thinOut(): void {
    for (const [place, { keyed }] of this.#waiting) if (!keyed) this.#waiting.delete(place);
    this.#shrinkTo(mostWhileAway);
  }

  #shrinkTo(limit: number): void {
    for (const place of this.#waiting.keys()) {
      if (this.#waiting.size <= limit) return;
      this.#waiting.delete(place);
    }
  }
}

/** Adds an EDU to one that leaves anyway, where that can be. */
function joins(bundles: readonly Bundle[], { edu: { type, content }, merge }: WaitingEdu): boolean {
  if (!merge) return false;
  for (const bundle of bundles) {
    if (bundle.edu.type !== type || bundle.merge !== merge || bundle.parts >= mostInOne) continue;
    const merged = merge(bundle.edu.content, content);
    if (!merged) continue;
    bundle.edu = { type, content: merged };
    bundle.parts += 1;
    return true;
  }
  return false;
}
