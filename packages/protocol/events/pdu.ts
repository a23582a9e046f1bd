import type { EventId, RoomId, UserId } from '../identifiers/types.ts';

/** A value that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A JSON object. Read it with own-property checks: a stranger may have named a key `__proto__`. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** A reference to an event as room versions 1 and 2 write it: the id with its hashes. */
export type HashedReference = [EventId, { sha256: string }];

/**
 * A persistent data unit as it travels between servers, without the event id in the versions that compute it.
 * https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
export interface Pdu {
  /** Only in room versions 1 and 2. */
  event_id?: EventId;
  /** Absent in `m.room.create` from room version 12. */
  room_id?: RoomId;
  type: string;
  sender: UserId;
  /** Present, possibly empty, exactly where the event is a state event. */
  state_key?: string;
  content: JsonObject;
  origin_server_ts: number;
  depth: number;
  prev_events: EventId[] | HashedReference[];
  auth_events: EventId[] | HashedReference[];
  hashes: { sha256: string };
  signatures: Record<string, Record<string, string>>;
  /** Room versions 1–10: which event an `m.room.redaction` redacts. */
  redacts?: EventId;
  unsigned?: JsonObject;
  /** Anything else a server put there; it counts for hashes and signatures. */
  [key: string]: unknown;
}

/**
 * An event as the rules read it: what authorisation, state resolution, push rules and visibility need,
 * in one shape for every room version. `prev` and `auth` are bare ids.
 */
export interface RoomEvent {
  readonly eventId: EventId;
  /** Also present for the create event of version 12 (its own id with `!`). */
  readonly roomId: RoomId;
  readonly type: string;
  readonly sender: UserId;
  /** Undefined for an event that is not state. */
  readonly stateKey: string | undefined;
  readonly content: JsonObject;
  readonly originServerTs: number;
  readonly depth: number;
  readonly prevEvents: readonly EventId[];
  readonly authEvents: readonly EventId[];
  /** Which event this one redacts, wherever its room version puts it. */
  readonly redacts: EventId | undefined;
}
