import type { DeviceId, EventId } from '@myelin/protocol/identifiers';

import type { UserRequester } from '../../platform/http/index.ts';
import { viewerOf, type Alongside, type RoomIdentity, TransactionScope } from '../../rooms/index.ts';
import type { MessageTools } from './message-tools.ts';

/** For tokens that belong to no device, an application service's for one. */
const noDevice = '' as DeviceId;

/** One use of an endpoint that takes a transaction id. */
export interface Transaction {
  readonly by: UserRequester;
  readonly room: RoomIdentity;
  /** The part of the path after the room's, without the transaction id: it tells one endpoint from another. */
  readonly path: string;
  readonly txnId: string;
}

/**
 * Sends once for a transaction id, whether the client asks again at the same time, later, or after a restart of the server: the
 * answer is the same event each time. `send` puts `remember` into the write of its event.
 * https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export async function sendOnce(
  { rooms, clock }: Pick<MessageTools, 'rooms' | 'clock'>,
  transaction: Transaction,
  send: (remember: Alongside) => Promise<EventId>,
): Promise<EventId> {
  const { by, room, txnId } = transaction;
  const scope = new TransactionScope({
    userNid: viewerOf(by).userNid,
    deviceId: by.deviceId ?? noDevice,
    // Rooms have a number, which is shorter than their id: this stands in a row for every message.
    path: `${room.nid}/${transaction.path}`,
    txnId,
  });
  return rooms.transactionIds.once(scope, async () => {
    const sentNid = await rooms.transactionIds.sentEvent(scope);
    const sent = sentNid === undefined ? undefined : await rooms.events.byNid(sentNid);
    if (sent) return sent.eventId;
    return send((tx, events) => {
      const [event] = events;
      if (event) rooms.transactionIds.remember(tx, scope, event.nid, clock.now());
    });
  });
}
