import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../rooms/index.ts';

/** An event that has passed the checks which need no history; redacted where its content hash was wrong. */
export interface CheckedPdu {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/** What the door says of one event. Without an id nobody can be told of it. */
export type DoorVerdict =
  | ({ readonly ok: true } & CheckedPdu)
  | { readonly ok: false; readonly eventId: EventId | undefined; readonly reason: string };

/** What became of an event. `waiting`: it is not taken in, because something is missing that may be there later. */
export type ReceiveOutcome =
  | { readonly outcome: 'accepted' | 'soft-failed' | 'rejected' | 'known' }
  | { readonly outcome: 'waiting'; readonly reason: string };

/** How events of other servers enter a room: what federation needs of `rooms.receiving`. */
export interface Receiving {
  /** In the order of `pdus`. Asks nothing of the room's history. */
  atTheDoor(room: RoomIdentity, pdus: readonly unknown[]): Promise<DoorVerdict[]>;
  /** Durable when it resolves. An event that is known already changes nothing. */
  receive(room: RoomIdentity, event: CheckedPdu, from: { readonly origin: ServerName }): Promise<ReceiveOutcome>;
}
