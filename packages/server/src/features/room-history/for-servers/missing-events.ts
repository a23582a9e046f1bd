import type { Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../../rooms/index.ts';
import { pdusForServer } from './pdus-for-server.ts';
import { isInGraph, readableByServer, type ServerHistoryTools } from './readable-by-server.ts';
import { previousEvents } from './walk-back.ts';

const maxLimit = 20;
const defaultLimit = 10;
const maxIds = 100;

/** What a server asks for to close a gap. */
export interface Gap {
  readonly roomId: string;
  readonly server: ServerName;
  /** Which it has: behind them nothing is missing. */
  readonly earliest: readonly EventId[];
  /** Which it was sent: what they follow is missing. */
  readonly latest: readonly EventId[];
  readonly limit?: number | undefined;
  readonly minDepth?: number | undefined;
}

/**
 * The events before the latest ones, breadth first, up to those that the server has; oldest first in the answer. 20 at most: those nearest
 * to the latest. Throws M_FORBIDDEN.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid
 */
export async function missingEvents(tools: ServerHistoryTools, gap: Gap): Promise<Pdu[]> {
  const { rooms } = tools;
  const room = await readableByServer(tools, gap.roomId, gap.server);
  const limit = Math.min(gap.limit ?? defaultLimit, maxLimit);
  const minDepth = gap.minDepth ?? 0;
  const known = await rooms.events.nidsOf(gap.earliest.slice(0, maxIds));
  const latest = await rooms.events.byIds(gap.latest.slice(0, maxIds));
  const seen = new Set([...known.values(), ...[...latest.values()].map(({ nid }) => nid)]);
  const missing: StoredEvent[] = [];
  let front = [...latest.values()].filter((event) => event.roomNid === room.nid && isInGraph(event));
  while (front.length > 0 && missing.length < limit) {
    const previous = await previousEvents(rooms, room, front);
    front = previous.filter((event) => event.depth >= minDepth && !seen.has(event.nid));
    for (const event of front) seen.add(event.nid);
    missing.push(...front);
  }
  const nearest = missing.slice(0, Math.max(0, limit));
  nearest.sort((one, other) => one.depth - other.depth || (one.position ?? 0) - (other.position ?? 0));
  return pdusForServer(tools, gap.server, room, nearest);
}
