import { effectivePowerLevels } from '../../auth-rules/index.ts';
import type { RoomEvent } from '../../events/pdu.ts';
import type { EventId } from '../../identifiers/index.ts';
import type { EventReader } from '../event-reader.ts';
import { smallestFirst } from './smallest-first.ts';

interface Ranked {
  readonly event: RoomEvent;
  readonly level: number;
  /** How many of the event's auth events are still to come. */
  waitsFor: number;
  readonly awaitedBy: Ranked[];
}

/**
 * The reverse topological power ordering of a set of events: auth events before what they authorise, and wherever there is a choice
 * the event of the more powerful sender first, then the earlier, then the smaller id. Kahn's algorithm.
 * https://spec.matrix.org/v1.19/rooms/v2/#definitions
 *
 * Only auth events within the set order it. Events in a circle of auth events, which only a forger in the room versions with
 * assigned ids can draw, come last, ordered by the comparison alone.
 */
export function reverseTopologicalPowerOrdering(events: Iterable<RoomEvent>, reader: EventReader): RoomEvent[] {
  const ranked = new Map<EventId, Ranked>();
  for (const event of events) {
    ranked.set(event.eventId, { event, level: senderLevel(event, reader), waitsFor: 0, awaitedBy: [] });
  }
  for (const item of ranked.values()) {
    for (const authEventId of new Set(item.event.authEvents)) {
      const authEvent = ranked.get(authEventId);
      if (!authEvent) continue;
      item.waitsFor += 1;
      authEvent.awaitedBy.push(item);
    }
  }

  const ready = smallestFirst(compareRanked);
  for (const item of ranked.values()) if (item.waitsFor === 0) ready.push(item);
  const ordered: RoomEvent[] = [];
  for (let next = ready.pop(); next; next = ready.pop()) {
    ordered.push(next.event);
    ranked.delete(next.event.eventId);
    for (const item of next.awaitedBy) {
      item.waitsFor -= 1;
      if (item.waitsFor === 0) ready.push(item);
    }
  }
  const circular = [...ranked.values()].sort(compareRanked);
  for (const { event } of circular) ordered.push(event);
  return ordered;
}

/** Earlier first, then the smaller id: how every ordering of version 2 ends. */
export function compareByTimeAndId(x: RoomEvent, y: RoomEvent): number {
  if (x.originServerTs !== y.originServerTs) return x.originServerTs < y.originServerTs ? -1 : 1;
  if (x.eventId === y.eventId) return 0;
  return x.eventId < y.eventId ? -1 : 1;
}

function compareRanked(x: Ranked, y: Ranked): number {
  // Compared, not subtracted: the creators' infinite levels have no difference.
  if (x.level !== y.level) return x.level > y.level ? -1 : 1;
  return compareByTimeAndId(x.event, y.event);
}

/** The sender's power level "when looking at their respective auth_events". */
function senderLevel(event: RoomEvent, reader: EventReader): number {
  const create = reader.authEvent(event, 'm.room.create', '');
  const powerLevels = reader.authEvent(event, 'm.room.power_levels', '');
  return effectivePowerLevels(create, powerLevels, reader.rules).of(event.sender);
}
