import { redactPdu, type Pdu } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity, StoredEvent } from '../../../rooms/index.ts';
import type { ServerHistoryTools } from './readable-by-server.ts';

/**
 * Events as a server may have them, in their order: of those that none of its users could see it gets what a redaction would leave, so
 * that the graph has no holes.
 */
export async function pdusForServer(
  { rooms, serverVisibility }: ServerHistoryTools,
  server: ServerName,
  room: RoomIdentity,
  events: readonly StoredEvent[],
): Promise<Pdu[]> {
  const [seen, pdus] = await Promise.all([
    serverVisibility.seenBy(server, room.nid, events),
    rooms.pdus.pdusOf(events, room.rules),
  ]);
  return events.map((event, index) => {
    const pdu = pdus[index] as Pdu;
    return seen.has(event.nid) ? pdu : redactPdu(pdu, room.rules);
  });
}
