import type { CompiledEventFilter, RelatedBy } from '@myelin/protocol/filters';

import {
  encodePaginationToken,
  tokenBefore,
  type Rooms,
  type StoredEvent,
  type Viewer,
  type VisibleEvent,
} from '../../../rooms/index.ts';
import { tellsStateAfter, type RoomStretch, type SyncView } from '../sync-view.ts';
import { afterOvertaken } from './overtaken-state.ts';
import type { SharedReads } from './shared-reads.ts';

/** The events of a room that a sync shows. */
export interface TimelinePart {
  readonly events: readonly VisibleEvent[];
  /** Between what the client knows and the first event there is more: a gap. */
  readonly limited: boolean;
  readonly prevBatch: string;
  /** The first event stands upon the state at this position of the events stream. */
  readonly startsAfter: number;
}

/** Tells what relates to events, for filters that ask for it. */
export type RelationsOf = (viewer: Viewer, events: readonly StoredEvent[]) => Promise<ReadonlyMap<number, RelatedBy>>;

export interface TimelineTools {
  readonly rooms: Rooms;
  readonly reads: SharedReads;
  readonly relationsOf: RelationsOf;
}

/** How many events are read at most to find those that a filter wants. */
const scannedAtMost = 1_000;
const nothingKnown = 0;

/**
 * The last events of a stretch that the viewer may see and the filter lets through, oldest first.
 * https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
export async function timelinePart(tools: TimelineTools, view: SyncView, room: RoomStretch): Promise<TimelinePart> {
  const after = room.since ?? nothingKnown;
  const { timeline } = view.filter;
  if (timeline.passesNone || !timeline.allowsRoom(room.roomId)) {
    return { events: [], limited: false, prevBatch: streamToken(room.upTo), startsAfter: room.upTo };
  }
  const limit = view.timelineLimit;
  let found: readonly VisibleEvent[] = [];
  let end = room.upTo;
  let scanned = 0;
  let dropped = false;
  let reachedStart = false;
  while (found.length <= limit && !reachedStart && scanned < scannedAtMost) {
    const wanted = scanned === 0 && timeline.passesAll ? limit + 1 : Math.max(limit + 1 - found.length, 50);
    const read = await tools.reads.window(room.nid, { after, upTo: end, limit: wanted });
    reachedStart = read.length < wanted;
    scanned += wanted;
    const visible = await passing(tools, view.viewer, timeline, room.nid, read);
    dropped ||= visible.length < read.length;
    found = [...visible, ...found];
    if (read[0]) end = (read[0].position ?? 0) - 1;
  }
  let limited = !reachedStart || found.length > limit;
  // Nothing from before a gap stands beside what comes after it as if nothing lay between.
  const gap = await tools.reads.lastGap(room.nid, { after, upTo: room.upTo });
  if (gap !== undefined) {
    limited = true;
    found = found.filter(({ event }) => (event.position ?? 0) >= gap);
    if (found.length === 0) end = gap - 1;
  }
  if (found.length > limit) found = limit === 0 ? [] : found.slice(-limit);
  if (!tellsStateAfter(view)) {
    const rest = await afterOvertaken(tools.rooms, room.nid, await tools.reads.rootAt(room.nid, room.upTo), found);
    limited ||= rest.length < found.length;
    // What is cut off here is not told in the timeline: the state says what became of it.
    dropped ||= rest.length < found.length;
    if (rest.length === 0) end = found.at(-1)?.event.position ?? end;
    found = rest;
  }
  const [first] = found;
  if (!first) {
    const prevBatch = streamToken(limited ? (limit === 0 ? room.upTo : end) : after);
    return { events: [], limited, prevBatch, startsAfter: room.upTo };
  }
  const before = (first.event.position ?? 0) - 1;
  return {
    events: await withKeptBack(tools, view, room, found),
    limited: limited || isUnknownPast(room, view, first.event),
    prevBatch: encodePaginationToken(tokenBefore(first.event)),
    startsAfter: limited || dropped || room.since === undefined ? before : after,
  };
}

/**
 * A redaction that comes before its event is kept from clients until that is there too. By then their syncs have passed its place, so it
 * stands behind its event, of which clients otherwise could not tell by whom it was redacted but from `unsigned`.
 * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
async function withKeptBack(
  tools: TimelineTools,
  view: SyncView,
  room: RoomStretch,
  found: readonly VisibleEvent[],
): Promise<readonly VisibleEvent[]> {
  const { since } = room;
  const redacted = found.flatMap(({ event }) => event.redactedByNid ?? []);
  if (since === undefined || redacted.length === 0) return found;
  const early = (await tools.rooms.events.listByNids(redacted)).filter(({ position = since }) => position <= since);
  if (early.length === 0) return found;
  const shown = await passing(tools, view.viewer, view.filter.timeline, room.nid, early);
  const keptBack = new Map(shown.map((redaction) => [redaction.event.nid, redaction]));
  return found.flatMap((one) => [one, keptBack.get(one.event.redactedByNid ?? 0) ?? []].flat());
}

/** A room that the user came into since the last sync: the client may hold an older piece of it that this one does not join up with. */
function isUnknownPast(room: RoomStretch, view: SyncView, first: StoredEvent): boolean {
  return room.since === undefined && view.since !== undefined && first.type !== 'm.room.create';
}

async function passing(
  tools: TimelineTools,
  viewer: Viewer,
  filter: CompiledEventFilter,
  roomNid: number,
  events: readonly StoredEvent[],
): Promise<VisibleEvent[]> {
  const visible = await tools.rooms.visibility.visibleTo(viewer, roomNid, events);
  if (filter.passesAll) return visible;
  const related = filter.asksForRelations
    ? await tools.relationsOf(
        viewer,
        visible.map(({ event }) => event),
      )
    : undefined;
  return visible.filter(({ event }) => filter.matches(event, related?.get(event.nid)));
}

/** A token of `/messages` for a place in the stream of events. */
function streamToken(position: number): string {
  return encodePaginationToken({ order: 'stream', position });
}
