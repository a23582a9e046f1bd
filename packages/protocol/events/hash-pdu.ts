import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

import { encodeCanonicalJson, encodeLenientCanonicalJson, isJsonObject, own } from '../canonical-json/index.ts';
import type { CanonicalJsonEncoder } from '../canonical-json/index.ts';
import type { EventId, RoomId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { decodeBase64, signableText } from '../signatures/index.ts';
import type { Pdu } from './pdu.ts';
import { redactPdu } from './redact-pdu.ts';

/**
 * The encoder for events of that room version: strict from version 6 on. Where it is lenient, hash and verify what `parseExactJson` made
 * of another server's event, because `640.0` and 2^63 − 1 do not survive as JavaScript numbers.
 */
export function encoderFor(rules: RoomVersionRules): CanonicalJsonEncoder {
  return rules.strictCanonicalJson ? encodeCanonicalJson : encodeLenientCanonicalJson;
}

/**
 * The content hash in unpadded base64: of everything but `unsigned`, `signatures` and `hashes`. Throws a CanonicalJsonError.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
 */
export function contentHash(pdu: Partial<Pdu>, rules: RoomVersionRules): string {
  return sha256(encoderFor(rules)({ ...pdu, hashes: undefined, signatures: undefined, unsigned: undefined }));
}

/** Whether `hashes.sha256` is the event's content hash. If not, only the redacted event is to be used. Throws a CanonicalJsonError. */
export function verifyContentHash(pdu: Pdu, rules: RoomVersionRules): boolean {
  const claimed = isJsonObject(pdu.hashes) ? own(pdu.hashes, 'sha256') : undefined;
  if (typeof claimed !== 'string') return false;
  const computed = contentHash(pdu, rules);
  // Compared as bytes, so that padding does not matter.
  return claimed === computed || decodeBase64(claimed)?.equals(Buffer.from(computed, 'base64')) === true;
}

/**
 * The reference hash in unpadded base64: of the redacted event without `signatures` and `unsigned`. Throws a CanonicalJsonError.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
 */
export function referenceHash(pdu: Pdu, rules: RoomVersionRules): string {
  return sha256(encoderFor(rules)({ ...redactPdu(pdu, rules), signatures: undefined, unsigned: undefined }));
}

/**
 * The event's id: what its server assigned (room versions 1 and 2) or `$` and its reference hash. Throws a CanonicalJsonError, and a
 * TypeError for an event without the id that it should carry, which {@link checkPduFormat} refuses.
 */
export function eventIdOf(pdu: Pdu, rules: RoomVersionRules): EventId {
  if (rules.eventIds === 'assigned') {
    if (pdu.event_id === undefined) throw new TypeError(`An event of room version ${rules.id} carries its id`);
    return pdu.event_id;
  }
  return idOfHash(referenceHash(pdu, rules), rules);
}

/**
 * The event's id and the text that its signatures cover, for those who want both: where the id is a hash, it is the hash of that text.
 * Throws as {@link eventIdOf}.
 */
export function eventIdAndSignableText(pdu: Pdu, rules: RoomVersionRules): { eventId: EventId; text: string } {
  const text = signableText(redactPdu(pdu, rules), encoderFor(rules));
  return { eventId: rules.eventIds === 'assigned' ? eventIdOf(pdu, rules) : idOfHash(sha256(text), rules), text };
}

function idOfHash(base64: string, rules: RoomVersionRules): EventId {
  return `$${rules.eventIds === 'base64' ? base64 : urlSafe(base64)}` as EventId;
}

/** The room id that the create event of that id gives rise to, from room version 12 on; https://spec.matrix.org/v1.19/rooms/v12/ */
export function roomIdOfCreate(createEventId: EventId): RoomId {
  return `!${createEventId.slice(1)}` as RoomId;
}

/** The id of a version 12 room's create event, which is the room id with another sigil. */
export function createEventIdOf(roomId: RoomId): EventId {
  return `$${roomId.slice(1)}` as EventId;
}

function sha256(text: string): string {
  // 32 bytes always end in exactly one padding character.
  return hash('sha256', text, 'base64').slice(0, -1);
}

function urlSafe(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}
