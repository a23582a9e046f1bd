import { parseExactJson } from '@myelin/protocol/canonical-json';
import type { Json, JsonObject, Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { ByteReader, ByteWriter } from '../../platform/binary/index.ts';
import { hashBytes, idAlphabet } from './event-codec-ids.ts';
import { type Reference, ReferenceReader, type ReferenceWithHash, ReferenceWriter } from './event-codec-references.ts';
import { readSignatures, writeSignatures } from './event-codec-signatures.ts';

/** What an event's row has beside its columns. `unsigned` is not kept. */
export interface EncodedPdu {
  /** The content as JSON: what clients read. */
  readonly contentJson: string;
  /** What only servers need. */
  readonly envelope: Uint8Array;
}

/** A stored event: what was encoded, and its columns. */
export interface DecodablePdu extends EncodedPdu {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly type: string;
  readonly sender: UserId;
  readonly stateKey: string | undefined;
  readonly depth: number;
  readonly originServerTs: number;
}

export { decodeEventId, encodeEventId } from './event-codec-ids.ts';

// The envelope's first number: what this event has beside or instead of the usual. An ordinary event of today has zero.
const hasExtra = 1;
const hasRedacts = 2;
const hasOrigin = 4;
const hasEventId = 8;
const lacksRoomId = 16;
const lacksHash = 32;
const lacksSignatures = 64;
const lacksPrev = 128;
const lacksAuth = 256;
const allFlags = 511;

const body = new ByteWriter(1024);

/**
 * Splits an event into what is stored. Lossless for any PDU: `decodePdu` gives back the same canonical JSON, `unsigned` aside.
 * What the short forms cannot say exactly (other hash algorithms, odd base64, unknown keys, …) is spelt out as JSON.
 *
 * `numberOf` gives our number, within ±(2^52 − 1), for events of the same room that are stored; others are kept by their id.
 */
export function encodePdu(pdu: Pdu, rules: RoomVersionRules, numberOf: (eventId: EventId) => number | undefined): EncodedPdu {
  const server = serverOf(pdu.sender);
  // Without a prototype, so that a key named `__proto__` is a key.
  const extra = Object.create(null) as Record<string, unknown>;
  const references = new ReferenceWriter(body, rules, numberOf);
  body.reset();
  let flags = 0;
  if (references.one(own(pdu, 'redacts'))) flags |= hasRedacts;
  if (!references.list(own(pdu, 'prev_events'))) flags |= lacksPrev;
  if (!references.list(own(pdu, 'auth_events'))) flags |= lacksAuth;
  if (!writeHashes(own(pdu, 'hashes'))) flags |= lacksHash;
  if (!writeSignatures(body, own(pdu, 'signatures'), server)) flags |= lacksSignatures;
  if (own(pdu, 'origin') === server) flags |= hasOrigin;
  if (rules.eventIds === 'assigned' && typeof own(pdu, 'event_id') === 'string') flags |= hasEventId;
  if (typeof own(pdu, 'room_id') !== 'string') flags |= lacksRoomId;
  let spelt = 0;
  for (const key of Object.keys(pdu)) {
    const value = pdu[key];
    if (value === undefined || isKeptElsewhere(key, value, flags)) continue;
    extra[key] = value;
    spelt++;
  }
  if (spelt > 0) flags |= hasExtra;
  return { contentJson: JSON.stringify(pdu.content), envelope: envelope(flags, spelt > 0 ? JSON.stringify(extra) : undefined) };
}

/**
 * The PDU of a stored event, without `unsigned`. `idOf` gives the id behind each of `referredNids`; throws where it has none, for
 * then the database has lost an event.
 */
export function decodePdu(encoded: DecodablePdu, rules: RoomVersionRules, idOf: (nid: number) => EventId | undefined): Pdu {
  // In the old room versions floats and great integers count for the hashes as their server spelt them.
  const parse = rules.strictCanonicalJson ? JSON.parse : parseExactJson;
  const { flags, extra, reader } = open(encoded.envelope, parse);
  const server = serverOf(encoded.sender);
  const references = new ReferenceReader(reader, idAlphabet(rules) ?? 'base64url');
  const spell = ({ event, sha256 }: ReferenceWithHash): EventId | [EventId, { sha256: string }] => {
    const id = typeof event === 'number' ? idOf(event) : event;
    if (id === undefined) throw new Error(`event ${encoded.eventId} names event number ${event}, which is gone`);
    return sha256 === undefined ? id : [id, { sha256 }];
  };
  const pdu: Record<string, unknown> = {};
  if ((flags & hasRedacts) !== 0) pdu['redacts'] = spell({ event: references.one(), sha256: undefined });
  if ((flags & lacksPrev) === 0) pdu['prev_events'] = references.list().map(spell);
  if ((flags & lacksAuth) === 0) pdu['auth_events'] = references.list().map(spell);
  if ((flags & lacksHash) === 0) pdu['hashes'] = { sha256: reader.base64(hashBytes, 'base64') };
  if ((flags & lacksSignatures) === 0) pdu['signatures'] = readSignatures(reader, server);
  if ((flags & hasOrigin) !== 0) pdu['origin'] = server;
  if ((flags & hasEventId) !== 0) pdu['event_id'] = encoded.eventId;
  if ((flags & lacksRoomId) === 0) pdu['room_id'] = encoded.roomId;
  pdu['type'] = encoded.type;
  pdu['sender'] = encoded.sender;
  if (encoded.stateKey !== undefined) pdu['state_key'] = encoded.stateKey;
  pdu['depth'] = encoded.depth;
  pdu['origin_server_ts'] = encoded.originServerTs;
  pdu['content'] = parse(encoded.contentJson);
  for (const [key, value] of Object.entries(extra)) {
    if (key === '__proto__') Object.defineProperty(pdu, key, { value, enumerable: true, configurable: true, writable: true });
    else pdu[key] = value;
  }
  return pdu as Pdu;
}

/** The numbers of all events that an event names; to be looked up before `decodePdu`. */
export function referredNids(stored: Uint8Array): number[] {
  const { prev, auth, redacts } = read(stored, 'base64url');
  return [...prev, ...auth, redacts].filter((reference) => typeof reference === 'number');
}

/** Which events an event follows, is authorised by and (where that stands outside the content) redacts: numbers where we have them. */
export function referencesOf(stored: Uint8Array, rules: RoomVersionRules): EventReferences {
  return read(stored, idAlphabet(rules) ?? 'base64url');
}

export interface EventReferences {
  readonly prev: readonly Reference[];
  readonly auth: readonly Reference[];
  readonly redacts: Reference | undefined;
}

function read(stored: Uint8Array, alphabet: 'base64' | 'base64url'): EventReferences {
  const { flags, extra, reader } = open(stored);
  const references = new ReferenceReader(reader, alphabet);
  const list = (isSpelt: boolean, key: string): Reference[] =>
    isSpelt ? speltReferences(extra[key]) : references.list().map(({ event }) => event);
  const redacts = (flags & hasRedacts) === 0 ? undefined : references.one();
  const prev = list((flags & lacksPrev) !== 0, 'prev_events');
  return { prev, auth: list((flags & lacksAuth) !== 0, 'auth_events'), redacts };
}

function speltReferences(value: Json | undefined): EventId[] {
  if (!Array.isArray(value)) return [];
  const ids = value.map((reference) => (Array.isArray(reference) ? reference[0] : reference));
  return ids.filter((id) => typeof id === 'string') as EventId[];
}

function isKeptElsewhere(key: string, value: unknown, flags: number): boolean {
  switch (key) {
    case 'unsigned':
    case 'content':
      return true;
    case 'type':
    case 'sender':
    case 'state_key':
      return isStorableText(value);
    case 'depth':
    case 'origin_server_ts':
      return Number.isSafeInteger(value);
    case 'room_id':
      return (flags & lacksRoomId) === 0;
    case 'event_id':
      return (flags & hasEventId) !== 0;
    case 'prev_events':
      return (flags & lacksPrev) === 0;
    case 'auth_events':
      return (flags & lacksAuth) === 0;
    case 'hashes':
      return (flags & lacksHash) === 0;
    case 'signatures':
      return (flags & lacksSignatures) === 0;
    case 'redacts':
      return (flags & hasRedacts) !== 0;
    case 'origin':
      return (flags & hasOrigin) !== 0;
    default:
      return false;
  }
}

/** A text column changes lone surrogates, and PostgreSQL refuses U+0000. */
function isStorableText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}

function writeHashes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'sha256') return false;
  const { sha256 } = value as { sha256: unknown };
  return typeof sha256 === 'string' && body.base64(sha256, hashBytes, 'base64');
}

const whole = new ByteWriter(1024);

function envelope(flags: number, extra: string | undefined): Uint8Array {
  whole.reset();
  whole.varint(flags);
  if (extra !== undefined) whole.text(extra);
  whole.raw(body.view());
  return whole.bytes();
}

function open(
  stored: Uint8Array,
  parse: (text: string) => unknown = JSON.parse,
): { flags: number; extra: JsonObject; reader: ByteReader } {
  const reader = new ByteReader(stored);
  const flags = reader.varint();
  if (flags > allFlags) throw new RangeError('an event was stored in a form that this version does not know');
  const extra = (flags & hasExtra) === 0 ? {} : (parse(reader.text()) as JsonObject);
  return { flags, extra, reader };
}

function own(pdu: Pdu, key: string): unknown {
  return Object.hasOwn(pdu, key) ? pdu[key] : undefined;
}

function serverOf(sender: string): string {
  return sender.slice(sender.indexOf(':') + 1);
}
