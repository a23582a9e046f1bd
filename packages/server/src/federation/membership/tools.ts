import type { BodyOf, Endpoint, ParamsOf, QueryOf, ResponseOf } from '@myelin/protocol/api';
import type { Pdu } from '@myelin/protocol/events';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { RoomIdentity, Rooms } from '../../rooms/index.ts';
import type { CheckedPdu, DoorVerdict, Receiving } from '../receiving.ts';

/** Requests to other servers: what joining and the like need of `remote-servers`. */
export interface ServerCalls {
  /** Rejects with a `RemoteError` where there is no answer, or where it is an error. */
  call<const E extends Endpoint>(
    server: ServerName,
    contract: E,
    input: { readonly params?: ParamsOf<E>; readonly query?: QueryOf<E>; readonly body?: BodyOf<E> },
    bounds?: { readonly timeoutMs?: number; readonly maxBytes?: number },
  ): Promise<ResponseOf<E>>;
  /** Whether the settings let this server talk to that one. */
  mayTalkTo(server: ServerName): boolean;
}

/** A room that we have heard of from another server, with or without a number of its own here. */
export type NamedRoom = Pick<RoomIdentity, 'roomId' | 'rules'>;

/** What a server hands us of a room that we enter. All of it has passed the door. */
export interface EnteredRoom {
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  readonly joinEvent: CheckedPdu;
  /** The state before the join. */
  readonly stateEvents: readonly CheckedPdu[];
  readonly authChain: readonly CheckedPdu[];
  readonly origin: ServerName;
}

/** A membership of one of our users in a room that this server is not in. */
export interface OutOfBandMembership {
  readonly room: NamedRoom;
  readonly event: CheckedPdu;
  /** What the user may see of the room, as a JSON array. */
  readonly strippedState?: string;
}

/** How rooms are entered from outside: what membership needs of `rooms.receiving` beyond transactions. */
export interface Entering extends Receiving {
  atTheDoor(room: NamedRoom, pdus: readonly unknown[]): Promise<DoorVerdict[]>;
  /** Makes the room here, or makes it current again. */
  enterRoom(entered: EnteredRoom): Promise<RoomIdentity>;
  receiveOutOfBandMembership(membership: OutOfBandMembership): Promise<void>;
}

/** What all steps of remote membership work with. */
export interface RemoteMembershipTools {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly entering: Entering;
  readonly servers: ServerCalls;
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
}

/** One event at the door; throws an Error with the reason where it may not come in. */
export async function letIn(tools: Pick<RemoteMembershipTools, 'entering'>, room: NamedRoom, pdu: Pdu): Promise<CheckedPdu> {
  const [verdict] = await tools.entering.atTheDoor(room, [pdu]);
  if (!verdict?.ok) throw new Error(verdict?.reason ?? 'the event was not looked at');
  return { eventId: verdict.eventId, pdu: verdict.pdu };
}
