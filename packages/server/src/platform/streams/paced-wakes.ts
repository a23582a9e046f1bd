import type { Clock } from '../clock.ts';
import type { Notifier } from './notifier.ts';

export interface PacedWakesNeeds {
  readonly notifier: Notifier;
  readonly clock: Clock;
  /** How many readers a room may have. */
  readonly readersOf: (roomNid: number) => number;
}

/** A room of 1,000 readers is woken ten times a second at most, one of 50,000 every five seconds. */
const pausePerReaderMs = 0.1;
/** Below this nobody would notice. */
const shortestPauseMs = 10;

/**
 * Wakes rooms for what is nice to know (typing, receipts): the more readers a room has, the longer the pause before it is woken again.
 * Each reader then costs a bounded share of the server, however many of them read and type at once. Whoever looks for another reason
 * meanwhile sees the news all the same.
 */
export class PacedWakes {
  readonly #stream: string;
  readonly #needs: PacedWakesNeeds;
  /** Rooms in their pause, with the position that they are to be woken for when it is over. */
  readonly #pausing = new Map<number, { due: number | undefined }>();

  constructor(stream: string, needs: PacedWakesNeeds) {
    this.#stream = stream;
    this.#needs = needs;
  }

  /** Says that the stream has reached `position` with news of this room: now, or when its pause is over. */
  wake(roomNid: number, position: number): void {
    const pausing = this.#pausing.get(roomNid);
    if (pausing) {
      pausing.due = position;
      return;
    }
    this.#needs.notifier.wake(this.#stream, position, { rooms: [roomNid] });
    const pauseMs = this.#needs.readersOf(roomNid) * pausePerReaderMs;
    if (pauseMs < shortestPauseMs) return;
    const pause: { due: number | undefined } = { due: undefined };
    this.#pausing.set(roomNid, pause);
    this.#needs.clock.schedule(pauseMs, () => {
      this.#pausing.delete(roomNid);
      if (pause.due !== undefined) this.wake(roomNid, pause.due);
    });
  }
}
