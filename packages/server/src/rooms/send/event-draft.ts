import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, UserId } from '@myelin/protocol/identifiers';

/** An event that a local user wants to send. */
export interface EventDraft {
  readonly type: string;
  readonly sender: UserId;
  /** Present, possibly empty, exactly for a state event. */
  readonly stateKey?: string;
  readonly content: JsonObject;
  /** What an `m.room.redaction` redacts; it goes where the room version wants it. */
  readonly redacts?: EventId;
  /** Milliseconds since 1970, where an application service sets it; the server's clock otherwise. */
  readonly originServerTs?: number;
  /** Whether the event names the sender's server, as an invite must that goes to another server. */
  readonly namesOrigin?: boolean;
}
