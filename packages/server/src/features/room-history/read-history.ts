import type { CompiledEventFilter, RelatedBy } from '@myelin/protocol/filters';

import {
  tokenAfter,
  tokenBefore,
  type Direction,
  type PaginationToken,
  type RoomAccess,
  type RoomIdentity,
  type Rooms,
  type StoredEvent,
  type Viewer,
  type VisibleEvent,
} from '../../rooms/index.ts';

/** What relates to events, for filters that ask; provided by the feature that keeps relations. */
export type RelatedByLookup = (viewer: Viewer, events: readonly StoredEvent[]) => Promise<ReadonlyMap<number, RelatedBy>>;

/** What reading history needs. */
export interface HistoryTools {
  readonly rooms: Pick<Rooms, 'timeline' | 'visibility'>;
  readonly relatedBy: RelatedByLookup;
}

/** Which part of a room's history is wanted. */
export interface HistoryRange {
  readonly from?: PaginationToken | undefined;
  /** A place that is not passed. */
  readonly to?: PaginationToken | undefined;
  readonly direction: Direction;
  /** How many events at most. */
  readonly limit: number;
  readonly filter: CompiledEventFilter;
}

export interface HistoryPage {
  /** In the direction's order. */
  readonly events: readonly VisibleEvent[];
  /** Where the reading stopped; undefined where nothing was read. */
  readonly stoppedAt: PaginationToken | undefined;
  /** There may be more behind that place. */
  readonly more: boolean;
}

/**
 * How many events one request may look at: a filter that matches nothing, or a past that the viewer may not see, must not read a room
 * of a million events. The client goes on from where it stopped.
 */
const maxScanned = 2_000;
const maxBatch = 500;
/** Branches of a room grow side by side for a while: so far from a change of who sees what, every event is looked at by itself. */
const branchLength = 100;

/** Reads events that the viewer may see and that the filter lets through, from a place on. */
export async function readHistory(
  tools: HistoryTools,
  viewer: Viewer,
  room: RoomIdentity,
  range: HistoryRange,
): Promise<HistoryPage> {
  const { direction, limit, filter, to } = range;
  const events: VisibleEvent[] = [];
  if (filter.passesNone || !filter.allowsRoom(room.roomId)) return { events, stoppedAt: range.from, more: false };
  let stoppedAt = range.from;
  let scanned = 0;
  let batch = limit + 1;
  while (scanned < maxScanned) {
    // One more than is wanted, so that the last page knows that it is the last.
    const asked = Math.min(batch, maxBatch, maxScanned - scanned);
    const read = await tools.rooms.timeline.page(room.nid, { from: stoppedAt, to, direction, limit: asked });
    const matching = await matches(tools, viewer, room, read, filter);
    for (const event of read) {
      if (events.length === limit) return { events, stoppedAt, more: true };
      stoppedAt = direction === 'b' ? tokenBefore(event) : tokenAfter(event);
      const match = matching.get(event.nid);
      if (match) events.push(match);
    }
    if (read.length < asked) return { events, stoppedAt, more: false };
    scanned += read.length;
    const last = read.at(-1);
    if (last && matching.size === 0 && direction === 'b') stoppedAt = await beyondWhatIsHidden(tools, viewer, last);
    batch = Math.max(limit - events.length + 1, 2 * asked);
  }
  return { events, stoppedAt, more: true };
}

/**
 * Where to go on behind an event, backwards. From one that the viewer may not see it leads past all that lies under the same rules:
 * a newcomer need not go through a million messages from before their time to come to the beginning of the room.
 */
async function beyondWhatIsHidden(
  { rooms: { visibility } }: HistoryTools,
  viewer: Viewer,
  event: StoredEvent,
): Promise<PaginationToken> {
  const next = tokenBefore(event);
  const [visible] = await visibility.visibleTo(viewer, event.roomNid, [event], { evenIgnored: true });
  if (visible) return next;
  const change = await visibility.lastChangeBefore(viewer, event);
  const depth = (change?.depth ?? 0) + branchLength;
  return depth < event.depth ? { order: 'topological', depth, position: Number.MAX_SAFE_INTEGER } : next;
}

async function matches(
  tools: HistoryTools,
  viewer: Viewer,
  room: RoomIdentity,
  events: readonly StoredEvent[],
  filter: CompiledEventFilter,
): Promise<Map<number, VisibleEvent>> {
  // What the filter alone can tell is asked first: visibility costs more.
  const wanted = filter.asksForRelations ? events : events.filter((event) => filter.matches(event));
  const visible = await tools.rooms.visibility.visibleTo(viewer, room.nid, wanted);
  if (!filter.asksForRelations) return new Map(visible.map((one) => [one.event.nid, one]));
  const related = await tools.relatedBy(
    viewer,
    visible.map(({ event }) => event),
  );
  const kept = visible.filter(({ event }) => filter.matches(event, related.get(event.nid)));
  return new Map(kept.map((one) => [one.event.nid, one]));
}

/** Keeps a range within what the viewer may read at all, so that nothing is scanned in vain behind where they left. */
export function withinAccess(range: HistoryRange, { until }: RoomAccess): HistoryRange {
  if (!until) return range;
  const end: PaginationToken = { order: 'stream', position: until.position };
  const bounded = (token: PaginationToken | undefined): PaginationToken =>
    token === undefined || (token.order === 'stream' && token.position > until.position) ? end : token;
  return range.direction === 'b' ? { ...range, from: bounded(range.from) } : { ...range, to: bounded(range.to) };
}
