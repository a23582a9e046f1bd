import { invalidParam } from '@myelin/protocol/errors';
import { redactContent, type JsonObject } from '@myelin/protocol/events';

import {
  decodePaginationToken,
  encodePaginationToken,
  type RoomIdentity,
  type Viewer,
  type VisibleEvent,
} from '../../rooms/index.ts';
import { readableRoom } from '../room-history/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { pageOfThreads, threadsOfUser, type ThreadRow } from './threads.store.ts';

/** Which of a room's threads are asked for. */
export interface ThreadsQuery {
  readonly roomId: string;
  readonly include?: 'all' | 'participated' | undefined;
  readonly limit?: number | undefined;
  readonly from?: string | undefined;
}

const defaultLimit = 20;
const maxLimit = 100;
const batchSize = 100;
/** How many threads one request may look at. */
const maxScanned = 1_000;

interface Place {
  readonly depth: number;
  readonly position: number;
}

/**
 * The roots of a room's threads, latest talk first, as JSON texts with their aggregations.
 * Throws M_FORBIDDEN for those who may not read the room, M_INVALID_PARAM for a token that is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
export async function listThreads(
  tools: BundleTools,
  viewer: Viewer,
  query: ThreadsQuery,
): Promise<{ chunk: readonly string[]; nextBatch: string | undefined }> {
  let place = placeFrom(query.from);
  const { room } = await readableRoom(tools.rooms, viewer, query.roomId);
  const limit = Math.min(maxLimit, Math.max(1, query.limit ?? defaultLimit));
  const chunk: string[] = [];
  for (let scanned = 0; scanned < maxScanned; scanned += batchSize) {
    const rows = await pageOfThreads(tools.database, room.nid, place, batchSize);
    const roots = await rootsOf(tools, viewer, room, rows, query.include === 'participated');
    const shown = rows.filter((row) => roots.has(row.root_nid));
    while (shown.length > 0) {
      if (chunk.length === limit) return { chunk, nextBatch: tokenAt(place) };
      const some = shown.splice(0, limit - chunk.length);
      chunk.push(
        ...(await servedThreads(
          tools,
          viewer,
          some.flatMap((row) => roots.get(row.root_nid) ?? []),
        )),
      );
      place = placeBehind(some.at(-1)) ?? place;
    }
    if (rows.length < batchSize) return { chunk, nextBatch: undefined };
    place = placeBehind(rows.at(-1)) ?? place;
  }
  return { chunk, nextBatch: tokenAt(place) };
}

/** The roots of these threads that the viewer may see, whoever sent them. */
async function rootsOf(
  tools: BundleTools,
  viewer: Viewer,
  room: RoomIdentity,
  rows: readonly ThreadRow[],
  onlyParticipated: boolean,
): Promise<Map<number, VisibleEvent>> {
  const { database, rooms, types } = tools;
  const nids = rows.map((row) => row.root_nid);
  const events = await rooms.events.listByNids(nids);
  const own = onlyParticipated ? await threadsOfUser(database, nids, types.thread, viewer.userNid) : undefined;
  const wanted = own ? events.filter((root) => root.senderNid === viewer.userNid || own.has(root.nid)) : events;
  const visible = await rooms.visibility.visibleTo(viewer, room.nid, wanted, { evenIgnored: true });
  const ignored = await rooms.hooks.ignoredUsers(viewer.userNid);
  // A thread of others goes on below the root of an ignored user, which is shown without its content.
  const shown = visible.map((one) => (ignored.has(one.event.sender) ? emptied(one, room) : one));
  return new Map(shown.map((one) => [one.event.nid, one]));
}

function emptied({ event, membership }: VisibleEvent, { rules }: RoomIdentity): VisibleEvent {
  const contentJson = JSON.stringify(redactContent(event.type, event.content, rules));
  return { event: event.with({ contentJson }), membership };
}

/** Roots with their aggregations; without those of whose threads the viewer may see nothing. */
async function servedThreads(tools: BundleTools, viewer: Viewer, roots: readonly VisibleEvent[]): Promise<string[]> {
  const served = await tools.rooms.serving.serve(viewer, roots, { withRoomId: true });
  return served.filter((json) => {
    const unsigned = (JSON.parse(json) as JsonObject)['unsigned'] as JsonObject | undefined;
    const relations = unsigned?.['m.relations'] as JsonObject | undefined;
    return relations?.['m.thread'] !== undefined;
  });
}

function placeBehind(row: ThreadRow | undefined): Place | undefined {
  return row && { depth: row.latest_depth, position: row.latest_position - 1 };
}

function tokenAt({ depth, position }: Place): string {
  return encodePaginationToken({ order: 'topological', depth, position });
}

function placeFrom(text: string | undefined): Place {
  if (text === undefined || text === '') return { depth: Number.MAX_SAFE_INTEGER, position: 0 };
  const token = decodePaginationToken(text);
  if (token?.order !== 'topological') throw invalidParam('from is not a token of this list of threads');
  return token;
}
