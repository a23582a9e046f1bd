import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { RemoteServers } from '../../remote-servers/index.ts';
import type { RoomIdentity, Rooms } from '../../rooms/index.ts';

/** A room that we have heard of from another server, with or without a number of its own here. */
export type NamedRoom = Pick<RoomIdentity, 'roomId' | 'rules'>;

/** An event with its id. */
export interface IdentifiedPdu {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

/** What all steps of remote membership work with. */
export interface RemoteMembershipTools {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rooms: Rooms;
  readonly remote: Pick<RemoteServers, 'request' | 'stream' | 'federatesWith'>;
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
}

/** One event at the door; throws an Error with the reason where it may not come in. */
export async function letIn(
  { rooms }: Pick<RemoteMembershipTools, 'rooms'>,
  room: NamedRoom,
  pdu: unknown,
): Promise<IdentifiedPdu> {
  const [verdict] = await rooms.receiving.atTheDoor(room, [pdu]);
  if (!verdict?.ok) throw new Error(verdict?.reason ?? 'the event was not looked at');
  return { eventId: verdict.eventId, pdu: verdict.pdu };
}

/**
 * Keeps a membership of a user of ours in a room that this server is not in. Should it be in the room by now, the event goes the way of
 * all others.
 */
export async function keepOutside(
  { rooms }: Pick<RemoteMembershipTools, 'rooms'>,
  { roomId, rules }: NamedRoom,
  membership: IdentifiedPdu & { readonly origin: ServerName; readonly strippedState?: string },
): Promise<void> {
  const { eventId, pdu, origin, strippedState } = membership;
  const kept = await rooms.receiving.receiveOutOfBand(roomId, rules, {
    event: pdu,
    ...(strippedState !== undefined && { strippedState }),
  });
  const room = kept ? undefined : await rooms.ids.find(roomId);
  if (room) await rooms.receiving.receive(room, { eventId, pdu }, { origin });
}
