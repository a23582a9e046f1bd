import {
  encodePaginationToken,
  type PaginationToken,
  type RoomIdentity,
  type Rooms,
  type Viewer,
  type VisibleEvent,
} from '../../rooms/index.ts';
import type { FillGaps } from './fill-gaps.ts';
import { readHistory, withinAccess, type HistoryPage, type HistoryRange, type HistoryTools } from './read-history.ts';
import { filterFrom, limitFrom, readableRoom, tokenFrom } from './room-access.ts';

/** Before everything: no event has a depth below 0. */
const beforeAll: PaginationToken = { order: 'topological', depth: 0, position: -Number.MAX_SAFE_INTEGER };

/** A page of a room's history as JSON texts. */
export interface MessagesPage {
  readonly start: string;
  /** Absent at the end of what there is for the viewer. */
  readonly end: string | undefined;
  readonly chunk: readonly string[];
  /** Membership events of the chunk's senders, where the filter loads members lazily. */
  readonly state: readonly string[] | undefined;
}

/** What `/messages` asks for. */
export interface MessagesQuery {
  readonly from?: string;
  readonly to?: string;
  readonly dir?: 'b' | 'f';
  readonly limit?: number;
  readonly filter?: string;
}

export type MessagesTools = HistoryTools & { readonly rooms: Rooms; readonly fillGaps: Pick<FillGaps, 'fill'> };

/** A page is read so many times at most while other servers bring more of it. */
const mostReadings = 3;

/**
 * A page of a room's history.
 * Throws M_FORBIDDEN for those who may not read it, M_INVALID_PARAM for tokens and filters that are none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
export async function messages(
  tools: MessagesTools,
  viewer: Viewer,
  roomId: string,
  query: MessagesQuery,
): Promise<MessagesPage> {
  const { rooms } = tools;
  const filter = filterFrom(query.filter);
  const from = tokenFrom(query.from, 'from');
  const to = tokenFrom(query.to, 'to');
  const { room, access } = await readableRoom(rooms, viewer, roomId);
  const direction = query.dir ?? 'f';
  const now: PaginationToken = { order: 'stream', position: rooms.stream.now };
  const start = from ?? (direction === 'f' ? beforeAll : now);
  const wanted = withinAccess({ from: start, to, direction, limit: limitFrom(query.limit, filter), filter }, access);
  const page =
    direction === 'b' ? await readBackAndFill(tools, viewer, room, wanted) : await readHistory(tools, viewer, room, wanted);
  const newest = direction === 'b' ? page.events[0] : page.events.at(-1);
  return {
    start: query.from || encodePaginationToken(start),
    end: page.more && page.stoppedAt ? encodePaginationToken(page.stoppedAt) : undefined,
    chunk: await rooms.serving.serve(viewer, page.events, { withRoomId: true }),
    state: filter.lazyLoadMembers && newest ? await sendersOf(rooms, viewer, room, newest, page.events) : undefined,
  };
}

/** Reads towards the past, and asks other servers for what is missing there. */
async function readBackAndFill(
  tools: MessagesTools,
  viewer: Viewer,
  room: RoomIdentity,
  wanted: HistoryRange,
): Promise<HistoryPage> {
  for (let reading = 1; ; reading++) {
    const page = await readHistory(tools, viewer, room, wanted);
    const stretch = { from: wanted.from, stoppedAt: page.stoppedAt, atEnd: !page.more };
    if (reading === mostReadings || !(await tools.fillGaps.fill(room, stretch))) return page;
  }
}

/** The membership events of the senders of some events, as of one of them. */
async function sendersOf(
  rooms: Rooms,
  viewer: Viewer,
  room: RoomIdentity,
  at: VisibleEvent,
  events: readonly VisibleEvent[],
): Promise<string[]> {
  const members = await membersOf(rooms, room, at, new Set(events.map(({ event }) => event.sender)));
  return rooms.serving.serve(viewer, members, { withRoomId: true, bundle: false });
}

/** The membership events of some users in the state after an event. */
export async function membersOf(
  rooms: Rooms,
  room: RoomIdentity,
  at: VisibleEvent,
  users: ReadonlySet<string>,
): Promise<Pick<VisibleEvent, 'event'>[]> {
  const root = at.event.stateRoot;
  if (root === undefined) return [];
  const names = [...users].map((user) => ['m.room.member', user] as const);
  const members = await rooms.states.events(room.nid, root, names);
  return members.filter((event) => event !== undefined).map((event) => ({ event }));
}
