import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import { tokenAfter, type RoomIdentity, type StoredEvent } from '../../../rooms/index.ts';
import { pdusForServer } from './pdus-for-server.ts';
import { isInGraph, readableByServer, type ServerHistoryTools } from './readable-by-server.ts';
import { previousEvents } from './walk-back.ts';

const maxLimit = 100;
/** An event has at most twenty that it follows; nobody has more loose ends than this to ask from. */
const maxStarts = 100;

/**
 * Events and those before them, the latest in the room's order first, 100 at most. Ids that this server does not know are passed over.
 * Throws M_FORBIDDEN.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
 */
export async function backfill(
  tools: ServerHistoryTools,
  asked: { readonly roomId: string; readonly from: readonly EventId[]; readonly limit: number; readonly server: ServerName },
): Promise<Pdu[]> {
  const room = await readableByServer(tools, asked.roomId, asked.server);
  const starts = await tools.rooms.events.byIds(asked.from.slice(0, maxStarts));
  const from = [...starts.values()].filter((event) => event.roomNid === room.nid && isInGraph(event));
  const events = await walkBack(tools, room, from, Math.min(asked.limit, maxLimit));
  return pdusForServer(tools, asked.server, room, events);
}

async function walkBack(
  { rooms }: ServerHistoryTools,
  room: RoomIdentity,
  from: readonly StoredEvent[],
  limit: number,
): Promise<StoredEvent[]> {
  const [latest] = from.toSorted(laterFirst);
  // In a room without branches these are the events to come: one query fetches them all, the walk finds them in memory.
  if (latest) await rooms.timeline.page(room.nid, { from: tokenAfter(latest), direction: 'b', limit });
  const walked: StoredEvent[] = [];
  const reached = new Map(from.map((event) => [event.nid, event]));
  const waiting = new Set(reached.values());
  while (walked.length < limit) {
    const [next] = [...waiting].toSorted(laterFirst);
    if (!next) break;
    waiting.delete(next);
    walked.push(next);
    for (const event of await previousEvents(rooms, room, [next])) {
      if (reached.has(event.nid)) continue;
      reached.set(event.nid, event);
      waiting.add(event);
    }
  }
  return walked;
}

function laterFirst(one: StoredEvent, other: StoredEvent): number {
  return other.depth - one.depth || (other.position ?? 0) - (one.position ?? 0);
}
