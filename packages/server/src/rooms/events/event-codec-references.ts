import type { Json } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { ByteReader, ByteWriter } from '../../platform/binary/index.ts';
import { hashBytes, idAlphabet, isSpeltAsIn } from './event-codec-ids.ts';

/** An event that another names: by its number where this server has it, else by its id. */
export type Reference = number | EventId;

/** A reference as read, with the hash that room versions 1 and 2 write beside it. */
export interface ReferenceWithHash {
  readonly event: Reference;
  readonly sha256: string | undefined;
}

// What a reference's first number says; from `numbered` on it is the distance to the number before.
const asHash = 0;
const asText = 1;
const numbered = 2;
const furthest = 2 ** 48;

/**
 * Writes `prev_events`, `auth_events` or a single `redacts`. Numbers are written as distances from the number before, which
 * `last` remembers from list to list: the events that one event names are often neighbours.
 * Returns false, having written nothing, where the list is not exactly what `readReferences` would give back.
 */
export class ReferenceWriter {
  readonly #writer: ByteWriter;
  readonly #rules: RoomVersionRules;
  readonly #numberOf: (eventId: EventId) => number | undefined;
  #last = 0;

  constructor(writer: ByteWriter, rules: RoomVersionRules, numberOf: (eventId: EventId) => number | undefined) {
    this.#writer = writer;
    this.#rules = rules;
    this.#numberOf = numberOf;
  }

  list(value: unknown): boolean {
    if (!Array.isArray(value)) return false;
    const references: readonly unknown[] = value;
    const start = this.#writer.length;
    const last = this.#last;
    const hashed = Array.isArray(references[0]);
    this.#writer.varint(references.length * 2 + (hashed ? 1 : 0));
    for (const reference of references) {
      if (hashed ? this.#hashed(reference) : this.one(reference)) continue;
      this.#writer.reset(start);
      this.#last = last;
      return false;
    }
    return true;
  }

  one(eventId: unknown): boolean {
    if (typeof eventId !== 'string') return false;
    const number = this.#numberOf(eventId as EventId);
    if (number !== undefined && Math.abs(number - this.#last) < furthest && isSpeltAsIn(eventId as EventId, this.#rules)) {
      const distance = number - this.#last;
      this.#writer.varint(numbered + (distance < 0 ? -2 * distance - 1 : 2 * distance));
      this.#last = number;
      return true;
    }
    const alphabet = idAlphabet(this.#rules);
    const start = this.#writer.length;
    this.#writer.varint(asHash);
    if (alphabet !== undefined && eventId.startsWith('$') && this.#writer.base64(eventId.slice(1), hashBytes, alphabet))
      return true;
    this.#writer.reset(start);
    if (!eventId.isWellFormed()) return false;
    this.#writer.varint(asText);
    this.#writer.text(eventId);
    return true;
  }

  #hashed(reference: unknown): boolean {
    if (!Array.isArray(reference) || reference.length !== 2) return false;
    const [eventId, hashes] = reference as readonly unknown[];
    if (typeof hashes !== 'object' || hashes === null || Object.keys(hashes).join() !== 'sha256') return false;
    const { sha256 } = hashes as { sha256: Json };
    return typeof sha256 === 'string' && this.one(eventId) && this.#writer.base64(sha256, hashBytes, 'base64');
  }
}

/** Reads what `ReferenceWriter` wrote, in the same order. */
export class ReferenceReader {
  readonly #reader: ByteReader;
  readonly #alphabet: 'base64' | 'base64url';
  #last = 0;

  constructor(reader: ByteReader, alphabet: 'base64' | 'base64url') {
    this.#reader = reader;
    this.#alphabet = alphabet;
  }

  list(): ReferenceWithHash[] {
    const head = this.#reader.varint();
    const references: ReferenceWithHash[] = [];
    for (let left = Math.floor(head / 2); left > 0; left--) {
      const event = this.one();
      references.push({ event, sha256: head % 2 === 1 ? this.#reader.base64(hashBytes, 'base64') : undefined });
    }
    return references;
  }

  one(): Reference {
    const head = this.#reader.varint();
    if (head === asText) return this.#reader.text() as EventId;
    if (head === asHash) return `$${this.#reader.base64(hashBytes, this.#alphabet)}` as EventId;
    const distance = head - numbered;
    this.#last += distance % 2 === 0 ? distance / 2 : -(distance + 1) / 2;
    return this.#last;
  }
}
