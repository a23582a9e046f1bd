import type { Interner } from '../../../platform/database/index.ts';
import type { ServeOptions, StoredEvent, VisibleEvent } from '../../../rooms/index.ts';
import type { LeftRoom } from '../rooms-of-sync.ts';
import { tellsWholeState, type RoomStretch, type SyncView } from '../sync-view.ts';
import type { LazyMembers } from './lazy-members.ts';
import { heroesOf, roomSummary, touchesSummary } from './room-summary.ts';
import { statePart } from './state-part.ts';
import { timelinePart, type TimelinePart, type TimelineTools } from './timeline-part.ts';

export interface RoomTools extends TimelineTools {
  readonly names: Interner;
  readonly lazyMembers: LazyMembers;
}

/** What a sync says of a room's events, as the members of its JSON. */
export interface RoomPart {
  readonly json: string;
  /** There are new events in its timeline. */
  readonly hasEvents: boolean;
}

/** A joined room; undefined where there is nothing to tell. */
export async function joinedRoomPart(tools: RoomTools, view: SyncView, room: RoomStretch): Promise<RoomPart | undefined> {
  const timeline = await timelinePart(tools, view, room);
  const heroes = (root: Parameters<typeof heroesOf>[3]): Promise<readonly string[]> => heroesOf(tools, view, room, root);
  const state = await statePart(tools, view, room, timeline, heroes);
  const isWhole = tellsWholeState(view, room);
  const hasSummary = isWhole || touchesSummary(state.changed);
  if (!isWhole && !hasSummary && timeline.events.length === 0 && !timeline.limited && state.events.length === 0) return undefined;
  const [events, summary] = await Promise.all([
    eventParts(tools, view, timeline, state.events),
    hasSummary ? roomSummary(tools, view, room, state.rootAtEnd) : undefined,
  ]);
  return {
    json: summary === undefined ? events : `"summary":${summary},${events}`,
    hasEvents: timeline.events.length > 0,
  };
}

/**
 * A room that the user left, was kicked or banned from, or whose invite came to nothing; undefined where that was an invite of
 * somebody whom the user ignores.
 */
export async function leftRoomPart(tools: RoomTools, view: SyncView, room: LeftRoom): Promise<string | undefined> {
  const end = await tools.rooms.events.byNid(room.leaveNid);
  if (!room.wasInside) {
    const ignored = await tools.rooms.hooks.ignoredUsers(view.viewer.userNid);
    if (end && ignored.has(end.sender)) return undefined;
    const events: VisibleEvent[] = end ? [{ event: end, membership: membershipAtEnd(end) }] : [];
    const prevBatch = `s${room.upTo - 1}`;
    return eventParts(tools, view, { events, limited: false, prevBatch, startsAfter: room.upTo - 1 }, []);
  }
  const seen = await timelinePart(tools, view, room);
  const timeline = withEnd(seen, end, view);
  const { events } = await statePart(tools, view, room, timeline, () => Promise.resolve([]));
  return eventParts(tools, view, timeline, events);
}

/** The client must hear that it is out, whatever history visibility says of the moment. */
function withEnd(timeline: TimelinePart, end: StoredEvent | undefined, view: SyncView): TimelinePart {
  const isThere = timeline.events.some(({ event }) => event.nid === end?.nid);
  if (!end || isThere || view.timelineLimit === 0 || !view.filter.timeline.matches(end)) return timeline;
  const events = [...timeline.events, { event: end, membership: membershipAtEnd(end) }];
  return timeline.events.length > 0 ? { ...timeline, events } : { ...timeline, events, startsAfter: (end.position ?? 0) - 1 };
}

function membershipAtEnd(event: StoredEvent): VisibleEvent['membership'] {
  return event.content['membership'] === 'ban' ? 'ban' : 'leave';
}

async function eventParts(
  { rooms }: RoomTools,
  view: SyncView,
  timeline: TimelinePart,
  state: readonly StoredEvent[],
): Promise<string> {
  const { pickFields, eventFormat } = view.filter;
  // Where nothing is left out, all that relates to an event comes as an event of its own.
  // https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
  const bundle = timeline.limited || !view.filter.timeline.passesAll;
  const options: ServeOptions = { format: eventFormat, ...(pickFields && { fields: pickFields }) };
  const [events, stateEvents] = await Promise.all([
    rooms.serving.serve(view.viewer, timeline.events, { ...options, bundle }),
    rooms.serving.serve(
      view.viewer,
      state.map((event) => ({ event })),
      { ...options, bundle: false },
    ),
  ]);
  return (
    `"timeline":{"events":[${events.join(',')}],"limited":${timeline.limited},"prev_batch":${JSON.stringify(timeline.prevBatch)}},` +
    `"${view.stateMember}":{"events":[${stateEvents.join(',')}]}`
  );
}
