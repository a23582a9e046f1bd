import type { Tx } from '../database/index.ts';
import type { Audience, Notifier } from './notifier.ts';
import type { StreamSequence } from './stream-sequence.ts';

/** Positions of a stream that belong to one write. */
export interface StreamSlot {
  /** The first of them. */
  readonly position: number;
  /** Ties them to the write: when it is durable, readers may see them, and those whom they concern are woken. */
  commitWith(tx: Tx, audience: Audience): void;
  /** Gives them up: the write will not be. */
  abandon(): void;
}

/**
 * A list that clients or other processes follow by position. "Now" is the largest position below which every write has finished, so
 * nothing turns up behind a reader's back; wakes wait until "now" has reached what they tell of.
 */
export class Stream {
  readonly name: string;
  readonly #sequence: StreamSequence;
  readonly #notifier: Notifier;
  /** Wakes that wait for earlier positions to finish, in order of their last position. */
  readonly #waiting: { last: number; audience: Audience }[] = [];

  constructor(name: string, sequence: StreamSequence, notifier: Notifier) {
    this.name = name;
    this.#sequence = sequence;
    this.#notifier = notifier;
  }

  /** Up to where everything can be read. */
  get now(): number {
    return this.#sequence.now();
  }

  /** Takes the next `count` positions. Each slot must be committed or abandoned. */
  allocate(count = 1): StreamSlot {
    const handle = this.#sequence.allocate(count);
    const last = handle.position + count - 1;
    return {
      position: handle.position,
      commitWith: (tx, audience) =>
        tx.onCommit(() => {
          handle.finished();
          this.#wakeUpTo(last, audience);
        }),
      abandon: () => {
        handle.finished();
        this.#wakeWaiting();
      },
    };
  }

  #wakeUpTo(last: number, audience: Audience): void {
    if (this.#waiting.length === 0 && last <= this.now) {
      this.#notifier.wake(this.name, last, audience);
      return;
    }
    const behind = this.#waiting.findLastIndex((wake) => wake.last < last);
    this.#waiting.splice(behind + 1, 0, { last, audience });
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    const now = this.now;
    let due = 0;
    while (due < this.#waiting.length && (this.#waiting[due]?.last ?? Infinity) <= now) due++;
    for (const { last, audience } of this.#waiting.splice(0, due)) this.#notifier.wake(this.name, last, audience);
  }
}
