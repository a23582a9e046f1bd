import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { EventId } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../rooms/index.ts';

/** The thread of events that are in none. */
export const mainThread = 'main';

/** How far relations are followed; https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts */
const maxHops = 3;

/** The thread that an event is in: the id of its root, or `main`. Follows what the event relates to, three steps at most. */
export async function threadOf(
  event: StoredEvent,
  byId: (eventId: EventId) => Promise<StoredEvent | undefined>,
): Promise<string> {
  let current: StoredEvent | undefined = event;
  for (let hop = 0; hop <= maxHops && current?.roomNid === event.roomNid; hop++) {
    const relation = relationOf(current);
    if (!relation) return mainThread;
    if (relation.type === 'm.thread') return relation.to;
    current = await byId(relation.to);
  }
  return mainThread;
}

function relationOf(event: StoredEvent): { type: string; to: EventId } | undefined {
  const relatesTo = event.content['m.relates_to'];
  if (!isJsonObject(relatesTo)) return undefined;
  const { rel_type: type, event_id: to } = relatesTo;
  return typeof type === 'string' && typeof to === 'string' ? { type, to: to as EventId } : undefined;
}
