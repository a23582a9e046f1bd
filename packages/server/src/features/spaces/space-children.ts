import { readSpaceChild, type JsonObject } from '@myelin/protocol/events';
import { isRoomId, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

/** An `m.space.child` event as the hierarchy shows it. */
export interface ChildEvent {
  type: string;
  state_key: string;
  sender: UserId;
  content: JsonObject;
  origin_server_ts: number;
}

/** A room that a space names as part of it. */
export interface SpaceChild {
  readonly roomId: RoomId;
  readonly via: readonly ServerName[];
}

interface Placed {
  readonly event: ChildEvent;
  readonly order: string | undefined;
}

/**
 * Those events that make a room part of a space, in the order in which the space shows them: those with an order first, by its code
 * points, then by age, then by room id.
 * https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space
 */
export function orderedChildren(events: readonly ChildEvent[], suggestedOnly: boolean): ChildEvent[] {
  const placed = events.flatMap((event): Placed[] => {
    const child = isRoomId(event.state_key) ? readSpaceChild(event.content) : undefined;
    return child && (child.suggested || !suggestedOnly) ? [{ event, order: child.order }] : [];
  });
  return placed.sort(compare).map(({ event }) => event);
}

/** The room that such an event names; undefined where it names none. */
export function childOf(event: ChildEvent): SpaceChild | undefined {
  const child = readSpaceChild(event.content);
  return child && isRoomId(event.state_key) ? { roomId: event.state_key, via: child.via } : undefined;
}

function compare(one: Placed, other: Placed): number {
  if (one.order !== other.order) {
    if (one.order === undefined) return 1;
    if (other.order === undefined) return -1;
    // All of it is ASCII, so code units are code points.
    return one.order < other.order ? -1 : 1;
  }
  const byAge = one.event.origin_server_ts - other.event.origin_server_ts;
  if (byAge !== 0) return byAge;
  return one.event.state_key < other.event.state_key ? -1 : 1;
}
