import type { EventId } from '@myelin/protocol/identifiers';

const remembered = 10_000;

/**
 * What a room's latest writes said of events that are not here. A turn runs ahead of the commits of those before it, so the database
 * may not say it yet.
 */
export class RecentWrites {
  readonly #followed = new Set<EventId>();
  readonly #redacted = new Map<EventId, number[]>();

  /** An event with a place follows these, which have none. */
  follow(eventIds: Iterable<EventId>): void {
    for (const eventId of eventIds) this.#followed.add(eventId);
    for (const oldest of this.#followed) {
      if (this.#followed.size <= remembered) return;
      this.#followed.delete(oldest);
    }
  }

  isFollowed(eventId: EventId): boolean {
    return this.#followed.has(eventId);
  }

  /** A redaction waits for this event. */
  redact(eventId: EventId, redactionNid: number): void {
    this.#redacted.set(eventId, [...(this.#redacted.get(eventId) ?? []), redactionNid]);
    for (const oldest of this.#redacted.keys()) {
      if (this.#redacted.size <= remembered) return;
      this.#redacted.delete(oldest);
    }
  }

  redactionsOf(eventId: EventId): readonly number[] {
    return this.#redacted.get(eventId) ?? [];
  }
}
