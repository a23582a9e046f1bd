import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { ByteWriter } from '../../platform/binary/index.ts';

/** Bytes of a SHA-256, and the characters that spell them. */
export const hashBytes = 32;
const hashCharacters = 43;

const writer = new ByteWriter(64);

/** How the hash in an event id is spelt, or undefined where ids are names that a server assigned. */
export function idAlphabet(rules: RoomVersionRules): 'base64' | 'base64url' | undefined {
  if (rules.eventIds === 'assigned') return undefined;
  return rules.eventIds === 'base64' ? 'base64' : 'base64url';
}

/**
 * An event id as a column holds it: 32 bytes where it is `$` and a SHA-256 in either base64 alphabet, else its UTF-8. A text that
 * could be taken for the other is marked by a zero byte at its end.
 */
export function encodeEventId(eventId: EventId): Uint8Array {
  if (eventId.length === hashCharacters + 1 && eventId.startsWith('$')) {
    writer.reset();
    const hash = eventId.slice(1);
    if (writer.base64(hash, hashBytes, 'base64url') || writer.base64(hash, hashBytes, 'base64')) return writer.bytes();
  }
  const text = Buffer.from(eventId);
  return text.length === hashBytes || text.at(-1) === 0 ? Buffer.concat([text, Buffer.of(0)]) : text;
}

/** What `encodeEventId` made, in the alphabet of the event's room version. */
export function decodeEventId(bytes: Uint8Array, rules: RoomVersionRules): EventId {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === hashBytes)
    return `$${buffer.toString(idAlphabet(rules) ?? 'base64url').slice(0, hashCharacters)}` as EventId;
  return buffer.toString('utf8', 0, buffer.at(-1) === 0 ? buffer.length - 1 : buffer.length) as EventId;
}

/**
 * Whether an id is what `decodeEventId` gives back in this room version: hashes have two spellings, and a stranger may use the one
 * that is not the room's.
 */
export function isSpeltAsIn(eventId: EventId, rules: RoomVersionRules): boolean {
  switch (rules.eventIds) {
    case 'assigned':
      return eventId.length !== hashCharacters + 1;
    case 'base64':
      return !/[-_]/.test(eventId);
    case 'urlsafe-base64':
      return !/[+/]/.test(eventId);
  }
}
