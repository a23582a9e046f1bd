import type { EventId } from '@myelin/protocol/identifiers';

const remembered = 10_000;

/**
 * What a room's writes said of events that are not here. A turn runs ahead of the commits of those before it, so the database may not say
 * it yet. Where the database has little of it, it is read once (`learn…`), and then nothing needs to be asked for an event that comes in.
 */
export class RecentWrites {
  readonly #followed = new Set<EventId>();
  readonly #redacted = new Map<EventId, number[]>();
  /** Whether what memory has is all there is, and until when that may be. */
  #followedIs: Knowledge = 'partial';
  #redactedIs: Knowledge = 'partial';

  /** An event with a place follows these, which have none. */
  follow(eventIds: Iterable<EventId>): void {
    for (const eventId of eventIds) this.#followed.add(eventId);
    for (const oldest of this.#followed) {
      if (this.#followed.size <= remembered) return;
      this.#followedIs = 'too much';
      this.#followed.delete(oldest);
    }
  }

  /** Undefined where the database is to be asked. */
  isFollowed(eventId: EventId): boolean | undefined {
    return this.#followed.has(eventId) || (this.#followedIs === 'whole' ? false : undefined);
  }

  /** Whether it is worth reading all that the database has. */
  get mayLearnFollowed(): boolean {
    return this.#followedIs === 'partial';
  }

  /** What the database has; undefined where that is too much. */
  learnFollowed(eventIds: readonly EventId[] | undefined): void {
    this.#followedIs = eventIds ? 'whole' : 'too much';
    this.follow(eventIds ?? []);
  }

  /** A redaction waits for this event. */
  redact(eventId: EventId, redactionNid: number): void {
    this.#redacted.set(eventId, [...new Set([...(this.#redacted.get(eventId) ?? []), redactionNid])]);
    for (const oldest of this.#redacted.keys()) {
      if (this.#redacted.size <= remembered) return;
      this.#redactedIs = 'too much';
      this.#redacted.delete(oldest);
    }
  }

  /** Those in memory, oldest first. */
  redactionsOf(eventId: EventId): readonly number[] {
    return this.#redacted.get(eventId) ?? [];
  }

  /** Memory has all redactions that wait. */
  get knowsRedacted(): boolean {
    return this.#redactedIs === 'whole';
  }

  /** Whether it is worth reading all that the database has. */
  get mayLearnRedacted(): boolean {
    return this.#redactedIs === 'partial';
  }

  /** What the database has, oldest first; undefined where that is too much. */
  learnRedacted(rows: readonly { readonly redacts: EventId; readonly redactionNid: number }[] | undefined): void {
    this.#redactedIs = rows ? 'whole' : 'too much';
    const since = [...this.#redacted];
    if (!rows) return;
    this.#redacted.clear();
    for (const { redacts, redactionNid } of rows) this.redact(redacts, redactionNid);
    for (const [redacts, nids] of since) for (const nid of nids) this.redact(redacts, nid);
  }
}

type Knowledge = 'partial' | 'whole' | 'too much';
