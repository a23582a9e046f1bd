import { Buffer } from 'node:buffer';

import { CanonicalJsonError, isJsonObject } from '../canonical-json/index.ts';
import { fitsInBytes, isUserId, maxIdentifierBytes, parseEventId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import { encoderFor } from './hash-pdu.ts';
import type { Pdu } from './pdu.ts';

/** Largest event in bytes of canonical JSON, signatures included; https://spec.matrix.org/v1.19/client-server-api/#size-limits */
export const maxPduBytes = 65_536;
/** https://spec.matrix.org/v1.19/rooms/v12/#event-format */
export const maxPrevEvents = 20;
/** https://spec.matrix.org/v1.19/rooms/v12/#event-format */
export const maxAuthEvents = 10;

export interface FormatOptions {
  /**
   * More than {@link maxPrevEvents} and {@link maxAuthEvents} pass: for history, in which there may be events from before those limits.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
   */
  readonly anyNumberOfReferences?: boolean;
}

export type FormatVerdict = { readonly ok: true; readonly pdu: Pdu } | { readonly ok: false; readonly reason: string };

/**
 * The first of the checks on receipt: has this value the form of an event of that room version, within all size limits? A value without
 * it is dropped. The reason is a sentence for logs and for the `error` of an answer. `pdu` is the value itself.
 *
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function checkPduFormat(value: unknown, rules: RoomVersionRules, options: FormatOptions = {}): FormatVerdict {
  const reason = faultOf(value, rules, options);
  return reason === undefined ? { ok: true, pdu: value as Pdu } : { ok: false, reason };
}

/**
 * Bytes of the event as it counts against {@link maxPduBytes}: canonical JSON in the federation format, signatures included.
 * Throws a CanonicalJsonError.
 */
export function pduSize(pdu: object, rules: RoomVersionRules): number {
  return Buffer.byteLength(encoderFor(rules)(pdu));
}

/**
 * Why an event is too large, or undefined where it is not: the whole, or one of `sender`, `room_id`, `type`, `state_key`, `event_id`.
 * Clients hear `M_TOO_LARGE`. Throws a CanonicalJsonError.
 */
export function tooLarge(pdu: Readonly<Record<string, unknown>>, rules: RoomVersionRules): string | undefined {
  for (const key of limitedKeys) {
    const text = pdu[key];
    if (typeof text === 'string' && !fitsInBytes(text, maxIdentifierBytes))
      return `${key} is longer than ${maxIdentifierBytes} bytes`;
  }
  const size = pduSize(pdu, rules);
  return size > maxPduBytes ? `the event has ${size} bytes, more than ${maxPduBytes}` : undefined;
}

const limitedKeys = ['sender', 'room_id', 'type', 'state_key', 'event_id'] as const;

function faultOf(pdu: unknown, rules: RoomVersionRules, { anyNumberOfReferences = false }: FormatOptions): string | undefined {
  if (!isJsonObject(pdu)) return 'an event is a JSON object';
  const [mostPrev, mostAuth] = anyNumberOfReferences ? [Infinity, Infinity] : [maxPrevEvents, maxAuthEvents];
  return (
    faultInStrings(pdu) ??
    faultInIds(pdu, rules) ??
    faultInNumbers(pdu, rules) ??
    faultInReferences(pdu['prev_events'], 'prev_events', mostPrev, rules) ??
    faultInReferences(pdu['auth_events'], 'auth_events', mostAuth, rules) ??
    faultInObjects(pdu, rules) ??
    faultInSize(pdu, rules)
  );
}

type Unchecked = Readonly<Record<string, unknown>>;

function faultInStrings(pdu: Unchecked): string | undefined {
  if (typeof pdu['type'] !== 'string') return 'type is not a string';
  if (pdu['state_key'] !== undefined && typeof pdu['state_key'] !== 'string') return 'state_key is not a string';
  if (typeof pdu['sender'] !== 'string' || !isUserId(pdu['sender'])) return 'sender is not a user id';
  return undefined;
}

function faultInIds(pdu: Unchecked, rules: RoomVersionRules): string | undefined {
  if (rules.roomIdIsCreateEventHash && pdu['type'] === 'm.room.create' && pdu['state_key'] === '') {
    // The room id is the hash of this very event.
    if (pdu['room_id'] !== undefined) return 'm.room.create has no room_id in this room version';
  } else if (!isSigilText(pdu['room_id'], '!')) return 'room_id is not a room id';

  if (rules.eventIds === 'assigned' && !isAssignedId(pdu['event_id'])) return 'event_id is not an event id';
  return undefined;
}

/**
 * An id that names its server, whose signature stands for it. One that looks like a hash could be given to any event, and would keep
 * the event out, in whatever room, whose hash it is. https://spec.matrix.org/v1.19/rooms/v1/#event-ids
 */
function isAssignedId(value: unknown): boolean {
  return typeof value === 'string' && parseEventId(value)?.server !== undefined;
}

function faultInNumbers(pdu: Unchecked, rules: RoomVersionRules): string | undefined {
  const { depth, origin_server_ts: timestamp } = pdu;
  if (!Number.isInteger(timestamp)) return 'origin_server_ts is not an integer';
  if (!Number.isInteger(depth)) return 'depth is not an integer';
  const limit = rules.strictCanonicalJson ? Number.MAX_SAFE_INTEGER : 2 ** 63;
  if ((depth as number) < 0 || (depth as number) > limit) return `depth is not between 0 and ${limit}`;
  return undefined;
}

function faultInReferences(value: unknown, key: string, most: number, rules: RoomVersionRules): string | undefined {
  if (!Array.isArray(value)) return `${key} is not a list`;
  if (value.length > most) return `${key} has ${value.length} entries, more than ${most}`;
  const isReference = rules.referencesCarryHashes ? isHashedReference : isBareReference;
  const wanted = rules.referencesCarryHashes ? 'pairs of an event id and its hashes' : 'event ids';
  return value.every(isReference) ? undefined : `${key} has other things than ${wanted}`;
}

/** Ids in references are checked no closer than this: one that no event can have is simply never found. */
function isBareReference(value: unknown): boolean {
  return isSigilText(value, '$');
}

function isHashedReference(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && isSigilText(value[0], '$') && isJsonObject(value[1]);
}

function isSigilText(value: unknown, sigil: string): boolean {
  return typeof value === 'string' && value.startsWith(sigil) && value.length > 1 && fitsInBytes(value, maxIdentifierBytes);
}

function faultInObjects(pdu: Unchecked, rules: RoomVersionRules): string | undefined {
  if (!isJsonObject(pdu['content'])) return 'content is not an object';
  if (!isJsonObject(pdu['hashes']) || typeof pdu['hashes']['sha256'] !== 'string') return 'hashes has no sha256';
  if (pdu['unsigned'] !== undefined && !isJsonObject(pdu['unsigned'])) return 'unsigned is not an object';
  // From version 11 on it is a key like any other that nobody knows, and other servers look at it no closer.
  if (!rules.redactsInContent && pdu['redacts'] !== undefined && typeof pdu['redacts'] !== 'string')
    return 'redacts is not a string';
  const { signatures } = pdu;
  if (!isJsonObject(signatures)) return 'signatures is not an object';
  for (const byServer of Object.values(signatures)) {
    if (!isJsonObject(byServer)) return 'signatures are not grouped by server';
    for (const signature of Object.values(byServer)) if (typeof signature !== 'string') return 'a signature is not a string';
  }
  return undefined;
}

function faultInSize(pdu: Unchecked, rules: RoomVersionRules): string | undefined {
  try {
    return tooLarge(pdu, rules);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error.message;
    throw error;
  }
}
