import { parseEventId } from './event-id.ts';
import { splitSigilId } from './sigil-id.ts';
import type { RoomId, ServerName } from './types.ts';

export interface RoomIdParts {
  readonly opaque: string;
  /** Undefined from room version 12 on. */
  readonly server: ServerName | undefined;
}

/**
 * A room id taken apart, or undefined where the text is none: `!opaque:server`, or from room version 12 on `!` and the hash of the
 * create event; https://spec.matrix.org/v1.19/appendices/#room-ids
 */
export function parseRoomId(text: string): RoomIdParts | undefined {
  if (!text.startsWith('!')) return undefined;
  if (!text.includes(':')) return parseEventId(`$${text.slice(1)}`);
  const parts = splitSigilId(text, '!');
  return parts && { opaque: parts.localpart, server: parts.server };
}

/** Whether the text is a room id of any room version; https://spec.matrix.org/v1.19/appendices/#room-ids */
export function isRoomId(text: string): text is RoomId {
  return parseRoomId(text) !== undefined;
}

/** The id of a room in the versions before 12. Throws a RangeError where the parts make none. */
export function roomId(opaque: string, server: ServerName): RoomId {
  const text = `!${opaque}:${server}`;
  if (!isRoomId(text)) throw new RangeError(`Not a room id: ${JSON.stringify(text)}`);
  return text;
}
