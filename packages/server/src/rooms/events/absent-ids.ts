import type { EventId } from '@myelin/protocol/identifiers';

/** An event that comes in is asked for some four times within moments; about 150 bytes each. */
const remembered = 10_000;

/**
 * Ids of events that the database was found not to have. Exact as long as this process writes all events: what is written is absent no
 * more, also where the answer of an earlier look is still on its way.
 */
export class AbsentIds {
  /** Insertion order is age. */
  readonly #absent = new Set<EventId>();
  readonly #writtenMeanwhile = new Set<EventId>();
  #looks = 0;

  has(eventId: EventId): boolean {
    return this.#absent.has(eventId);
  }

  /** Looks for events in the database, and remembers those of `eventIds` that `isFound` does not know afterwards. */
  async look<T>(eventIds: Iterable<EventId>, read: () => Promise<T>, isFound: (eventId: EventId) => boolean): Promise<T> {
    this.#looks += 1;
    try {
      const answer = await read();
      for (const eventId of eventIds) if (!this.#writtenMeanwhile.has(eventId) && !isFound(eventId)) this.#absent.add(eventId);
      return answer;
    } finally {
      this.#looks -= 1;
      if (this.#looks === 0) this.#writtenMeanwhile.clear();
      for (const oldest of this.#absent) {
        if (this.#absent.size <= remembered) break;
        this.#absent.delete(oldest);
      }
    }
  }

  /** An event is being written. */
  written(eventId: EventId): void {
    this.#absent.delete(eventId);
    if (this.#looks > 0) this.#writtenMeanwhile.add(eventId);
  }
}
