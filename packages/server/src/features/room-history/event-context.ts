import { notFound } from '@myelin/protocol/errors';
import type { CompiledEventFilter } from '@myelin/protocol/filters';
import type { EventId } from '@myelin/protocol/identifiers';

import {
  encodePaginationToken,
  tokenAfter,
  tokenBefore,
  type RoomIdentity,
  type Rooms,
  type Viewer,
  type VisibleEvent,
} from '../../rooms/index.ts';
import { membersOf, type MessagesTools } from './messages.ts';
import { readHistory, withinAccess } from './read-history.ts';
import { filterFrom, limitFrom } from './room-access.ts';

/** An event between its neighbours, as JSON texts. */
export interface EventContext {
  readonly start: string;
  readonly end: string;
  readonly event: string;
  /** Newest first. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly state: readonly string[];
}

type EventTools = Pick<Rooms, 'ids' | 'events' | 'visibility'>;

/**
 * An event of a room, with what the viewer was there at that moment. Throws M_NOT_FOUND, which does not tell whether there is such an
 * event that the viewer may not see.
 */
export async function visibleEventOrNotFound(
  rooms: EventTools,
  viewer: Viewer,
  roomId: string,
  eventId: EventId,
): Promise<VisibleEvent & { readonly room: RoomIdentity }> {
  const event = await visibleEventById(rooms, viewer, eventId);
  if (event.room.roomId !== roomId) throw notFound('Event not found');
  return event;
}

/** The same, whatever room it is in. Throws M_NOT_FOUND. */
export async function visibleEventById(
  rooms: EventTools,
  viewer: Viewer,
  eventId: EventId,
): Promise<VisibleEvent & { readonly room: RoomIdentity }> {
  const event = await rooms.events.byId(eventId);
  const [visible] = event ? await rooms.visibility.visibleTo(viewer, event.roomNid, [event]) : [];
  if (!visible) throw notFound('Event not found');
  return { ...visible, room: await rooms.ids.byNid(visible.event.roomNid) };
}

/**
 * An event with what happened before and after it, and the state after the last of them.
 * Throws M_NOT_FOUND where there is none that the viewer may see.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
 */
export async function eventContext(
  tools: MessagesTools,
  viewer: Viewer,
  place: { readonly roomId: string; readonly eventId: EventId },
  query: { readonly limit?: number; readonly filter?: string },
): Promise<EventContext> {
  const { rooms } = tools;
  const filter = filterFrom(query.filter);
  const { room, ...middle } = await visibleEventOrNotFound(rooms, viewer, place.roomId, place.eventId);
  // Without access there may still be single events that were open to all in their time.
  const access = (await rooms.visibility.accessTo(viewer, room.nid)) ?? {};
  const limit = limitFrom(query.limit, undefined, 0);
  const [from, until] = [tokenBefore(middle.event), tokenAfter(middle.event)];
  const half = Math.floor(limit / 2);
  const [before, after] = await Promise.all([
    readHistory(tools, viewer, room, { from, direction: 'b', limit: half, filter }),
    readHistory(tools, viewer, room, withinAccess({ from: until, direction: 'f', limit: limit - half, filter }, access)),
  ]);
  const around = [...before.events, middle, ...after.events];
  const last = after.events.at(-1) ?? middle;
  const options = { withRoomId: true };
  const [served, state] = await Promise.all([
    rooms.serving.serve(viewer, around, options),
    stateAt(rooms, viewer, room, last, filter, new Set(around.map(({ event }) => event.sender))),
  ]);
  const split = before.events.length;
  return {
    start: encodePaginationToken(before.stoppedAt ?? from),
    end: encodePaginationToken(after.stoppedAt ?? until),
    event: served[split] as string,
    before: served.slice(0, split),
    after: served.slice(split + 1),
    state: await rooms.serving.serve(viewer, state, { ...options, bundle: false }),
  };
}

async function stateAt(
  rooms: Rooms,
  viewer: Viewer,
  room: RoomIdentity,
  last: VisibleEvent,
  filter: CompiledEventFilter,
  senders: ReadonlySet<string>,
): Promise<Pick<VisibleEvent, 'event'>[]> {
  const { stateRoot } = last.event;
  if (stateRoot === undefined || !filter.allowsRoom(room.roomId)) return [];
  // Somebody who may see the event by having been invited sees no more of the room by it than their invite told them.
  const inside = last.membership === 'join' || (await rooms.visibility.stateRootFor(viewer, room.nid)) !== undefined;
  if (!inside) return [];
  const others = await rooms.states.all(room.nid, stateRoot, filter.lazyLoadMembers ? 'others' : 'all');
  const members = filter.lazyLoadMembers ? await membersOf(rooms, room, last, senders) : [];
  return [...others.map((event) => ({ event })), ...members].filter(({ event }) => filter.matches(event));
}
