import type { EventId, RoomId, ServerName, UserId } from '../identifiers/index.ts';
import type { RoomVersionRules } from '../room-versions/index.ts';
import type { HashedReference, JsonObject } from './pdu.ts';
import type { UnsignedPdu } from './sign-pdu.ts';

/** An event that this server is about to send, in one shape for every room version. */
export interface NewEvent {
  readonly type: string;
  readonly sender: UserId;
  /** Undefined only for the create event of a version 12 room. */
  readonly roomId: RoomId | undefined;
  /** Present, possibly empty, exactly where the event is a state event. */
  readonly stateKey?: string | undefined;
  readonly content: JsonObject;
  readonly prevEvents: readonly EventReference[];
  readonly authEvents: readonly EventReference[];
  readonly depth: number;
  /** Milliseconds since 1970. */
  readonly originServerTs: number;
  /** For `m.room.redaction`; put where the room version has it. */
  readonly redacts?: EventId | undefined;
  /** Room versions 1 and 2 only: the id that the server gives the event. */
  readonly eventId?: EventId | undefined;
  /**
   * The sender's server, which an invite names that goes to another server. Nothing else needs it.
   * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
   */
  readonly origin?: ServerName | undefined;
  readonly unsigned?: JsonObject | undefined;
}

/** An event that another refers to; room versions 1 and 2 need its reference hash. */
export interface EventReference {
  readonly eventId: EventId;
  /** Unpadded base64 of SHA-256; see `referenceHash`. */
  readonly sha256?: string | undefined;
}

/**
 * The event in its room version's wire format, not yet hashed and signed. Keys stand in canonical order.
 * Throws a TypeError where the room version needs something that is missing.
 */
export function buildPdu(event: NewEvent, rules: RoomVersionRules): UnsignedPdu {
  const isV12Create = rules.roomIdIsCreateEventHash && event.type === 'm.room.create' && event.stateKey === '';
  if (event.roomId === undefined && !isV12Create) throw new TypeError(`${event.type} needs a room id`);
  if (rules.eventIds === 'assigned' && event.eventId === undefined)
    throw new TypeError(`Room version ${rules.id} assigns event ids`);

  const redactsInContent = rules.redactsInContent && event.redacts !== undefined;
  return {
    auth_events: references(event.authEvents, rules),
    content: redactsInContent ? { ...event.content, redacts: event.redacts } : event.content,
    depth: event.depth,
    ...(rules.eventIds === 'assigned' && event.eventId !== undefined && { event_id: event.eventId }),
    ...(event.origin !== undefined && { origin: event.origin }),
    origin_server_ts: event.originServerTs,
    prev_events: references(event.prevEvents, rules),
    ...(!rules.redactsInContent && event.redacts !== undefined && { redacts: event.redacts }),
    ...(!isV12Create && event.roomId !== undefined && { room_id: event.roomId }),
    sender: event.sender,
    ...(event.stateKey !== undefined && { state_key: event.stateKey }),
    type: event.type,
    ...(event.unsigned !== undefined && { unsigned: event.unsigned }),
  };
}

function references(events: readonly EventReference[], rules: RoomVersionRules): EventId[] | HashedReference[] {
  if (!rules.referencesCarryHashes) return events.map((event) => event.eventId);
  return events.map(({ eventId, sha256 }): HashedReference => {
    if (sha256 === undefined) throw new TypeError(`Room version ${rules.id} needs the reference hash of ${eventId}`);
    return [eventId, { sha256 }];
  });
}

/** Greatest depth that we give an event. The oldest versions allow up to 2^63 − 1, which no JSON parser of ours could read back exactly. */
export const maxDepth = Number.MAX_SAFE_INTEGER;

/** The depth of an event after these: one more than the greatest, clipped; https://spec.matrix.org/v1.19/rooms/v6/#event-format */
export function depthAfter(previousDepths: readonly number[]): number {
  let greatest = 0;
  for (const depth of previousDepths) greatest = Math.max(greatest, depth);
  return Math.min(greatest + 1, maxDepth);
}
