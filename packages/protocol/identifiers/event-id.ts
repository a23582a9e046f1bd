import { fitsInBytes, maxIdentifierBytes, splitSigilId } from './sigil-id.ts';
import type { EventId, ServerName } from './types.ts';

export interface EventIdParts {
  readonly opaque: string;
  /** Only room versions 1 and 2 name the server. */
  readonly server: ServerName | undefined;
}

/** Standard alphabet in room version 3, URL-safe from 4 on; a SHA-256 in unpadded base64 has 43 characters. */
const hash = /^[A-Za-z0-9+/_-]{43}$/;

/** An event id of any room version taken apart, or undefined where the text is none; https://spec.matrix.org/v1.19/appendices/#event-ids */
export function parseEventId(text: string): EventIdParts | undefined {
  if (!text.startsWith('$') || !fitsInBytes(text, maxIdentifierBytes)) return undefined;
  if (!text.includes(':')) return hash.test(text.slice(1)) ? { opaque: text.slice(1), server: undefined } : undefined;
  const parts = splitSigilId(text, '$');
  return parts && { opaque: parts.localpart, server: parts.server };
}

/** Whether the text is an event id of any room version; https://spec.matrix.org/v1.19/appendices/#event-ids */
export function isEventId(text: string): text is EventId {
  return parseEventId(text) !== undefined;
}

/** The id of an event in room versions 1 and 2. Throws a RangeError where the parts make none. */
export function assignedEventId(opaque: string, server: ServerName): EventId {
  const text = `$${opaque}:${server}`;
  if (!isEventId(text)) throw new RangeError(`Not an event id: ${JSON.stringify(text)}`);
  return text;
}
