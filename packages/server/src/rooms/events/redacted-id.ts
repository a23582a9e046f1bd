import { redactsOf } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import type { RoomIds } from '../room-ids.ts';
import { referencesOf } from './event-codec.ts';
import type { EventStore } from './event-store.ts';
import type { StoredEvent } from './stored-event.ts';

interface RedactedIdNeeds {
  readonly rooms: RoomIds;
  readonly events: EventStore;
}

/** The event that a redaction names, wherever its room version has it; undefined where it names none. */
export async function redactedId({ rooms, events }: RedactedIdNeeds, redaction: StoredEvent): Promise<EventId | undefined> {
  const { rules } = await rooms.byNid(redaction.roomNid);
  if (rules.redactsInContent) return redactsOf(redaction, rules);
  const { redacts } = referencesOf(redaction.envelope, rules);
  return typeof redacts === 'number' ? (await events.byNid(redacts))?.eventId : redacts;
}

/**
 * Has a redaction something to show for itself: is the event that it names here, of the same room, and redacted? Clients are not told of
 * one that nobody had the right to, nor of one whose target is not known; when that comes, it comes redacted.
 * https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions
 */
export async function isRedactionApplied(needs: RedactedIdNeeds, redaction: StoredEvent): Promise<boolean> {
  const id = await redactedId(needs, redaction);
  const target = id === undefined ? undefined : await needs.events.byId(id);
  return target !== undefined && target.roomNid === redaction.roomNid && target.redactedByNid !== undefined;
}
