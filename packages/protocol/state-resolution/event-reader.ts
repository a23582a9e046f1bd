import type { AuthFacts } from '../auth-rules/index.ts';
import type { RoomEvent } from '../events/pdu.ts';
import type { EventId, RoomId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';

/** What state resolution asks of whoever keeps the events. */
export interface ResolutionFacts {
  /** An event by its id; undefined where it is not there. */
  readonly event: (eventId: EventId) => RoomEvent | undefined;
  /** Whether an event was rejected when it was received: such an event is never used as an auth event. */
  readonly isRejected: (eventId: EventId) => boolean;
  /** Signatures, as the authorisation rules need them. */
  readonly auth: AuthFacts;
}

/** Reads events for one resolution and keeps a list of those that were asked for and not there. */
export interface EventReader {
  readonly rules: RoomVersionRules;
  readonly facts: ResolutionFacts;
  readonly missing: Set<EventId>;
  event(eventId: EventId): RoomEvent | undefined;
  /** The event of a type and state key among the auth events of another, and from version 12 the create event of its room. */
  authEvent(event: RoomEvent, type: string, stateKey: string, usable?: (eventId: EventId) => boolean): RoomEvent | undefined;
}

export function createEventReader(rules: RoomVersionRules, facts: ResolutionFacts): EventReader {
  const missing = new Set<EventId>();
  const read = (eventId: EventId) => {
    const event = facts.event(eventId);
    if (!event) missing.add(eventId);
    return event;
  };
  return {
    rules,
    facts,
    missing,
    event: read,
    authEvent(event, type, stateKey, usable = () => true) {
      // From version 12 the room id names the create event, and auth_events must not.
      if (rules.roomIdIsCreateEventHash && type === 'm.room.create' && stateKey === '') {
        const createId = createEventIdOf(event.roomId);
        return usable(createId) ? read(createId) : undefined;
      }
      for (const eventId of event.authEvents) {
        const authEvent = read(eventId);
        if (authEvent?.type === type && authEvent.stateKey === stateKey && usable(eventId)) return authEvent;
      }
      return undefined;
    },
  };
}

/** The id of the event that created a room of version 12 or later; https://spec.matrix.org/v1.19/rooms/v12/#event-format */
function createEventIdOf(roomId: RoomId): EventId {
  return `$${roomId.slice(1)}` as EventId;
}
