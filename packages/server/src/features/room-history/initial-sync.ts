import { jsonArray, jsonObjectText } from '../../platform/http/index.ts';
import { encodeSyncToken } from '../../platform/streams/index.ts';
import {
  encodePaginationToken,
  type PaginationToken,
  type RoomAccess,
  type RoomIdentity,
  type SyncPart,
  type SyncSource,
  type UserMembership,
  type Viewer,
} from '../../rooms/index.ts';
import { SyncSources } from '../sync/index.ts';
import type { MessagesTools } from './messages.ts';
import { readHistory, withinAccess } from './read-history.ts';
import { filterFrom, limitFrom, readableRoom } from './room-access.ts';
import { roomState } from './room-state.ts';

/** What the old ways of following need beside what reading history needs. */
export interface InitialSyncTools extends MessagesTools {
  /** Of all features: account data, receipts, presence. Asked when a request comes, for by then all features are there. */
  readonly sources: () => readonly SyncSource[];
}

/** Rooms that are read at the same time. */
const atOnce = 8;
const everything = filterFrom(undefined);
/** More of each room is what `/messages` is for. */
const maxMessagesOfEach = 100;

/**
 * One room at once, as JSON text: who is not in it sees it where it is world-readable. Throws M_FORBIDDEN.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
export async function roomInitialSync(tools: InitialSyncTools, viewer: Viewer, roomId: string, limit?: number): Promise<string> {
  const { room, access } = await readableRoom(tools.rooms, viewer, roomId);
  const own = await tools.rooms.memberships.of(viewer.userNid, room.nid);
  const joined = new Set(own?.membership === 'join' ? [room.nid] : []);
  const { end, parts } = await sourcesFor(tools, viewer, joined);
  const presence = joined.size > 0 ? parts.flatMap((part) => part.presence ?? []) : [];
  const members = await roomMembers(tools, viewer, { room, access, own }, { end, parts, limit: limitFrom(limit) });
  return jsonObjectText({ ...members, presence: jsonArray(presence) });
}

/**
 * All of a user's rooms at once, as JSON text.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync
 */
export async function initialSync(
  tools: InitialSyncTools,
  viewer: Viewer,
  query: { readonly limit?: number; readonly archived?: boolean },
): Promise<string> {
  const { rooms } = tools;
  const limit = Math.min(maxMessagesOfEach, limitFrom(query.limit));
  // A room whose members are on their way is held back, as from others who want them all.
  const memberships = [...(await rooms.memberships.roomsOf(viewer.userNid)).values()].filter(
    (own) => !own.forgotten && !(own.membership === 'join' && rooms.partial.of(own.roomNid)),
  );
  const joined = new Set(memberships.filter((own) => own.membership === 'join').map(({ roomNid }) => roomNid));
  const { end, parts } = await sourcesFor(tools, viewer, joined);
  const shown: string[] = [];
  for (let next = 0; next < memberships.length; next += atOnce) {
    const texts = memberships.slice(next, next + atOnce).map(async (own) => {
      if (own.membership === 'invite') return invite(tools, viewer, own);
      const isLeft = own.membership === 'leave' || own.membership === 'ban';
      if (own.membership !== 'join' && !(isLeft && query.archived)) return undefined;
      const room = await rooms.ids.byNid(own.roomNid);
      const access = await rooms.visibility.accessTo(viewer, room.nid);
      return access && jsonObjectText(await roomMembers(tools, viewer, { room, access, own }, { end, parts, limit }));
    });
    for (const text of await Promise.all(texts)) if (text !== undefined) shown.push(text);
  }
  return jsonObjectText({
    end: JSON.stringify(end),
    rooms: jsonArray(shown),
    presence: jsonArray(parts.flatMap((part) => part.presence ?? [])),
    account_data: jsonArray(parts.flatMap((part) => part.accountData ?? [])),
  });
}

interface Shown {
  readonly room: RoomIdentity;
  readonly access: RoomAccess;
  readonly own: UserMembership | undefined;
}

async function roomMembers(
  tools: InitialSyncTools,
  viewer: Viewer,
  { room, access, own }: Shown,
  { end, parts, limit }: { readonly end: string; readonly parts: readonly SyncPart[]; readonly limit: number },
): Promise<Record<string, string | undefined>> {
  const { rooms } = tools;
  const now: PaginationToken = { order: 'stream', position: rooms.stream.now };
  const range = withinAccess({ from: now, direction: 'b', limit, filter: everything }, access);
  const page = await readHistory(tools, viewer, room, range);
  const chunk = await rooms.serving.serve(viewer, page.events.toReversed(), { withRoomId: true });
  const { until } = access;
  const receipts = parts.flatMap((part) => part.ephemeral?.get(room.nid) ?? []).filter(isReceipt);
  return {
    room_id: JSON.stringify(room.roomId),
    // The answer of old has no word for those who knock.
    membership: own && own.membership !== 'knock' ? JSON.stringify(own.membership) : undefined,
    messages: jsonObjectText({
      start: page.more && page.stoppedAt ? JSON.stringify(encodePaginationToken(page.stoppedAt)) : undefined,
      end: JSON.stringify(until ? encodePaginationToken({ order: 'stream', position: until.position }) : end),
      chunk: jsonArray(chunk),
    }),
    state: jsonArray(await roomState(rooms, viewer, room.roomId)),
    account_data: jsonArray(parts.flatMap((part) => part.roomAccountData?.get(room.nid) ?? [])),
    receipts: jsonArray(receipts),
  };
}

async function invite(tools: InitialSyncTools, viewer: Viewer, own: UserMembership): Promise<string | undefined> {
  const { rooms } = tools;
  const event = await rooms.events.byNid(own.eventNid);
  if (!event || (await rooms.hooks.ignoredUsers(viewer.userNid)).has(event.sender)) return undefined;
  const [served] = await rooms.serving.serve(viewer, [{ event, membership: 'invite' }], { withRoomId: true, bundle: false });
  return jsonObjectText({ room_id: JSON.stringify(event.roomId), membership: '"invite"', invite: served });
}

/** What the sources tell of these rooms, and the token from which on a client may follow. */
async function sourcesFor(
  tools: InitialSyncTools,
  viewer: Viewer,
  joined: ReadonlySet<number>,
): Promise<{ end: string; parts: readonly SyncPart[] }> {
  const sources = new SyncSources(tools.rooms, tools.sources());
  const now = sources.now();
  const scope = {
    viewer,
    joinedRooms: joined,
    newRooms: joined,
    roomsWithEvents: new Set<number>(),
    threadCounts: false,
    since: undefined,
    upTo: now,
  };
  const { parts, toldUpTo } = await sources.ask(scope, undefined, now);
  // Messages to devices are not told here: a token that covered them would say that the client has them.
  return { end: encodeSyncToken({ ...toldUpTo, to_device: 0 }), parts };
}

function isReceipt(json: string): boolean {
  return (JSON.parse(json) as { type?: unknown }).type === 'm.receipt';
}
