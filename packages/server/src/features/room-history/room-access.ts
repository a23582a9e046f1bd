import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { compileEventFilter, filterJson, parseRoomEventFilter, type CompiledEventFilter } from '@myelin/protocol/filters';

import {
  decodePaginationToken,
  type PaginationToken,
  type RoomAccess,
  type RoomIdentity,
  type Rooms,
  type Viewer,
} from '../../rooms/index.ts';

/** The most events of one answer, as Synapse has it. */
export const maxLimit = 1_000;
const defaultLimit = 10;

/** A room that the viewer may read, and how far. Throws M_FORBIDDEN, which does not tell whether there is such a room. */
export async function readableRoom(
  rooms: Pick<Rooms, 'ids' | 'visibility'>,
  viewer: Viewer,
  roomId: string,
): Promise<{ room: RoomIdentity; access: RoomAccess }> {
  const room = await rooms.ids.find(roomId);
  const access = room && (await rooms.visibility.accessTo(viewer, room.nid));
  if (!room || !access) throw notIn();
  return { room, access };
}

/** 403: neither a member nor one who was, and the room is not open to others. */
export function notIn(): Error {
  return forbidden('You are not in this room, and it cannot be previewed');
}

/** A token from a query. Throws M_INVALID_PARAM where it is none of ours. */
export function tokenFrom(text: string | undefined, name: string): PaginationToken | undefined {
  if (text === undefined || text === '') return undefined;
  const token = decodePaginationToken(text);
  if (!token) throw invalidParam(`${name} is not a token of this server`);
  return token;
}

/** The `filter` of a query. Throws M_INVALID_PARAM or M_BAD_JSON with what is wrong with it. */
export function filterFrom(text: string | undefined): CompiledEventFilter {
  return compileEventFilter(text === undefined || text === '' ? {} : parseRoomEventFilter(filterJson(text)));
}

/** How many events to answer with: what was asked for, between `least` and what one answer may have. */
export function limitFrom(asked: number | undefined, filter?: CompiledEventFilter, least = 1): number {
  return Math.min(maxLimit, Math.max(least, asked ?? filter?.limit ?? defaultLimit));
}
