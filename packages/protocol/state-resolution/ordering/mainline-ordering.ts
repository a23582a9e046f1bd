import type { RoomEvent } from '../../events/pdu.ts';
import type { EventId } from '../../identifiers/index.ts';
import type { EventReader } from '../event-reader.ts';
import { compareByTimeAndId } from './power-ordering.ts';

/**
 * The mainline ordering of some events based on a power levels event: what rests on older power levels first, then the earlier, then
 * the smaller id; https://spec.matrix.org/v1.19/rooms/v2/#definitions
 * @param powerLevels P, undefined where the room has none: then time and id order alone
 */
export function mainlineOrdering(
  events: Iterable<RoomEvent>,
  powerLevels: RoomEvent | undefined,
  reader: EventReader,
): RoomEvent[] {
  // The mainline of P: P, the power levels event among its auth events, and so on.
  const positions = new Map<EventId, number>();
  let index = 0;
  for (let event = powerLevels; event && !positions.has(event.eventId); event = powerLevelsBefore(event, reader)) {
    positions.set(event.eventId, index++);
  }
  const placed = Array.from(events, (event) => ({ event, position: mainlinePosition(event, positions, reader) }));
  placed.sort((x, y) => {
    if (x.position !== y.position) return x.position > y.position ? -1 : 1;
    return compareByTimeAndId(x.event, y.event);
  });
  return placed.map(({ event }) => event);
}

/**
 * The position of the first power levels event on the mainline that an event rests on; infinite where there is none.
 * @param positions those of the mainline and of whatever was met before; what is met now is added
 */
function mainlinePosition(event: RoomEvent, positions: Map<EventId, number>, reader: EventReader): number {
  const passed = new Set<EventId>();
  let position = Infinity;
  for (let at = powerLevelsBefore(event, reader); at && !passed.has(at.eventId); at = powerLevelsBefore(at, reader)) {
    const known = positions.get(at.eventId);
    if (known !== undefined) {
      position = known;
      break;
    }
    passed.add(at.eventId);
  }
  for (const eventId of passed) positions.set(eventId, position);
  return position;
}

function powerLevelsBefore(event: RoomEvent, reader: EventReader): RoomEvent | undefined {
  return reader.authEvent(event, 'm.room.power_levels', '');
}
