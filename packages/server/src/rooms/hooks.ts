import type { JsonObject, Pdu, RoomEvent } from '@myelin/protocol/events';

import type { Tx } from '../platform/database/index.ts';
import type { StoredEvent } from './events/stored-event.ts';
import type { MembershipChange } from './membership/membership.ts';
import type { RoomIdentity } from './room-ids.ts';
import type { Room } from './room.ts';
import type { EventDraft } from './send/event-draft.ts';
import type { Viewer } from './viewer.ts';

/** A change of a room's current state. */
export interface StateChange {
  readonly typeNid: number;
  readonly stateKeyNid: number;
  readonly type: string;
  readonly stateKey: string;
  readonly beforeNid: number | undefined;
  /** Undefined where state resolution has taken an entry away. */
  readonly after: StoredEvent | undefined;
}

/** Events of one room that are persisted together, and what they changed. */
export interface PersistBatch {
  readonly room: Room;
  /** Those that clients get, in the order of their positions; may be none where state resolution has changed the room's state. */
  readonly events: readonly StoredEvent[];
  /** Where the room changed in the stream, if it was by an event that clients do not get. */
  readonly position?: number;
  /** When this server enters a room, not those of members. */
  readonly stateChanges: readonly StateChange[];
  readonly membershipChanges: readonly MembershipChange[];
  /** Events that a redaction in this batch makes redacted. */
  readonly redactions: readonly { readonly redaction: StoredEvent; readonly target: StoredEvent }[];
  /**
   * Events from before: history that was asked for, at negative positions. Nobody is woken or notified, and the room is what it was.
   * The events of a batch are all historical or none.
   */
  readonly historical?: boolean;
}

/** What follows from events in other tables, written in their own transaction. */
export interface PersistHook {
  readonly name: string;
  /**
   * In the room's turn, before the write: loads what it needs and returns what to write, if anything. Answers at once where it can.
   * Nothing but a defect may throw here: it fails the write of the events.
   */
  prepare?(batch: PersistBatch): void | ((tx: Tx) => void) | Promise<void | ((tx: Tx) => void)>;
  /** After the commit, outside the turn. Not awaited by anyone: what must not be lost belongs into `prepare`. */
  after?(batch: PersistBatch): void;
}

/** May a local user's event be sent? Throws a MatrixError to refuse; may hand back other content. Asked before the room's turn. */
export interface SendHook {
  readonly name: string;
  beforeSend(draft: EventDraft, room: RoomIdentity): Promise<{ content: JsonObject } | void>;
}

/**
 * Somebody whose signature a local user's event needs before the room has it. Asked when the event is built, outside the room's turn:
 * what comes in meanwhile does not wait for it.
 */
export interface CosignHook {
  readonly name: string;
  /** Whether an event of this type and state key needs it. Asked for every event that is sent: it answers from memory. */
  isNeeded(event: Pick<EventDraft, 'type' | 'stateKey'>, room: RoomIdentity): boolean | Promise<boolean>;
  /** The event with the signature. Throws a MatrixError to refuse: the event is not sent. */
  cosign(pdu: Pdu, room: RoomIdentity): Promise<Pdu>;
}

/** What a `ReceiveHook` says of an event. */
export interface ReceiveVerdict {
  /** Why the event is to be soft-failed; undefined where it is not. */
  readonly objection?: string;
  /** The event with a signature that it lacked, to be kept with it. */
  readonly signed?: Pdu;
}

/**
 * Should clients get this event of another server? Asked before the room's turn, so it may take its time and ask others: policy servers,
 * modules. https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu (check 7)
 */
export interface ReceiveHook {
  readonly name: string;
  /** Whether it has a say about the event at all. Asked for every event that comes in: it answers from memory. */
  concerns(event: RoomEvent, room: RoomIdentity): boolean | Promise<boolean>;
  /** Asked about events that their own auth events allow. Throws where it cannot tell: the event is to be received again then. */
  judge(pdu: Pdu, room: RoomIdentity): Promise<ReceiveVerdict>;
}

/** Adds to what one viewer is told of events, such as bundled aggregations. */
export interface EventDecorator {
  readonly name: string;
  /** Members for `unsigned`, by the event's nid; events without any are left out. */
  decorate(viewer: Viewer, events: readonly StoredEvent[]): Promise<ReadonlyMap<number, JsonObject>>;
}

/** Whom a user ignores: their messages are left out on every read path. Plugged in by the feature that keeps account data. */
export type IgnoredUsers = (userNid: number) => Promise<ReadonlySet<string>>;

/** The moments of a room's life that features may join. Filled by app before the server serves. */
export class RoomHooks {
  readonly persist: PersistHook[] = [];
  readonly send: SendHook[] = [];
  readonly cosign: CosignHook[] = [];
  readonly receive: ReceiveHook[] = [];
  readonly decorators: EventDecorator[] = [];
  ignoredUsers: IgnoredUsers = () => Promise.resolve(new Set());
}
