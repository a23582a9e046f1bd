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
  const mainline = new Mainline(powerLevels, reader);
  const placed = Array.from(events, (event) => ({ event, position: mainline.positionOf(event) }));
  placed.sort((x, y) => {
    if (x.position !== y.position) return x.position > y.position ? -1 : 1;
    return compareByTimeAndId(x.event, y.event);
  });
  return placed.map(({ event }) => event);
}

/**
 * The mainline of P: P, the power levels event among its auth events, and so on. It is followed only as far as somebody asks: what is
 * disputed mostly rests on power levels of late, and a room may have changed them thousands of times.
 */
class Mainline {
  readonly #reader: EventReader;
  /** Of events on the mainline and of whatever else was met. */
  readonly #positions = new Map<EventId, number>();
  readonly #line = new Set<EventId>();
  #next: RoomEvent | undefined;

  constructor(powerLevels: RoomEvent | undefined, reader: EventReader) {
    this.#next = powerLevels;
    this.#reader = reader;
  }

  /** The position of the first power levels event on the mainline that an event rests on; infinite where there is none. */
  positionOf(event: RoomEvent): number {
    const passed = new Set<EventId>();
    let position = Infinity;
    for (
      let at = powerLevelsBefore(event, this.#reader);
      at && !passed.has(at.eventId);
      at = powerLevelsBefore(at, this.#reader)
    ) {
      const known = this.#known(at.eventId);
      if (known !== undefined) {
        position = known;
        break;
      }
      passed.add(at.eventId);
    }
    for (const eventId of passed) this.#positions.set(eventId, position);
    return position;
  }

  #known(eventId: EventId): number | undefined {
    let known = this.#positions.get(eventId);
    // Where it comes back to itself, it ends.
    while (known === undefined && this.#next && !this.#line.has(this.#next.eventId)) {
      const reached = this.#next;
      this.#positions.set(reached.eventId, this.#line.size);
      this.#line.add(reached.eventId);
      this.#next = powerLevelsBefore(reached, this.#reader);
      known = this.#positions.get(eventId);
    }
    return known;
  }
}

function powerLevelsBefore(event: RoomEvent, reader: EventReader): RoomEvent | undefined {
  return reader.authEvent(event, 'm.room.power_levels', '');
}
