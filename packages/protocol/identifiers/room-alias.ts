import { splitSigilId } from './sigil-id.ts';
import type { RoomAlias, ServerName } from './types.ts';

export interface RoomAliasParts {
  readonly localpart: string;
  readonly server: ServerName;
}

/** A room alias taken apart, or undefined where the text is none; https://spec.matrix.org/v1.19/appendices/#room-aliases */
export function parseRoomAlias(text: string): RoomAliasParts | undefined {
  return splitSigilId(text, '#');
}

/** Whether the text is a room alias; https://spec.matrix.org/v1.19/appendices/#room-aliases */
export function isRoomAlias(text: string): text is RoomAlias {
  return splitSigilId(text, '#') !== undefined;
}

/** The alias of a room. Throws a RangeError where the parts make none. */
export function roomAlias(localpart: string, server: ServerName): RoomAlias {
  const text = `#${localpart}:${server}`;
  if (!isRoomAlias(text)) throw new RangeError(`Not a room alias: ${JSON.stringify(text)}`);
  return text;
}
