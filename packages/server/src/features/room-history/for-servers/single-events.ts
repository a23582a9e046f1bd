import { notFound } from '@myelin/protocol/errors';
import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../../rooms/index.ts';
import { eventsByTime } from '../room-history.store.ts';
import { pdusForServer } from './pdus-for-server.ts';
import { eventOfRoom, readableByServer, type ServerHistoryTools } from './readable-by-server.ts';

const batchSize = 100;
const maxScanned = 1_000;

/**
 * One event, in whatever room of ours it is. Throws M_NOT_FOUND, and M_FORBIDDEN where the server is not in that room.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid
 */
export async function eventForServer(tools: ServerHistoryTools, eventId: EventId, server: ServerName): Promise<Pdu> {
  const event = await tools.rooms.events.byId(eventId);
  if (!event || event.verdict === 'rejected') throw notFound(`Event ${eventId} not found`);
  const room = await readableByServer(tools, event.roomId, server);
  const [pdu] = await pdusForServer(tools, server, room, [event]);
  if (!pdu) throw notFound(`Event ${eventId} not found`);
  return pdu;
}

/**
 * The auth chain of an event, without the event. Throws M_FORBIDDEN, M_NOT_FOUND.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid
 */
export async function authChainForServer(
  tools: ServerHistoryTools,
  asked: { readonly roomId: string; readonly eventId: EventId; readonly server: ServerName },
): Promise<Pdu[]> {
  const { rooms } = tools;
  const room = await readableByServer(tools, asked.roomId, asked.server);
  const event = await eventOfRoom(tools, room, asked.eventId);
  const { server } = asked;
  const chain = await rooms.authChains.of({ server, rules: room.rules, events: [event.nid], name: `of ${event.nid}` });
  return rooms.pdus.pdusOf(await rooms.events.listByNids(chain), room.rules);
}

/**
 * The event nearest to a moment in one direction that the server may know. Throws M_FORBIDDEN; M_NOT_FOUND where there is none.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
 */
export async function eventByTimeForServer(
  tools: ServerHistoryTools,
  asked: { readonly roomId: string; readonly ts: number; readonly direction: 'b' | 'f'; readonly server: ServerName },
): Promise<StoredEvent> {
  const { ts, direction, server } = asked;
  const room = await readableByServer(tools, asked.roomId, server);
  const upTo = Number.MAX_SAFE_INTEGER;
  let from = { ts, nid: direction === 'b' ? Number.MAX_SAFE_INTEGER : -1 };
  for (let scanned = 0; scanned < maxScanned; scanned += batchSize) {
    const rows = await eventsByTime(tools.database, room.nid, { from, upTo, direction, limit: batchSize });
    const events = await tools.rooms.events.listByNids(rows.map((row) => row.event_nid));
    const seen = await tools.serverVisibility.seenBy(server, room.nid, events);
    const nearest = events.find(({ nid }) => seen.has(nid));
    if (nearest) return nearest;
    const last = rows.at(-1);
    if (!last || rows.length < batchSize) break;
    from = { ts: last.origin_server_ts, nid: last.event_nid };
  }
  throw notFound(`Unable to find an event from ${ts} in ${direction === 'b' ? 'backward' : 'forward'} direction`);
}
