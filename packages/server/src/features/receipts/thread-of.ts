import type { EventId } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../rooms/index.ts';
import { relationOf, type Relation } from '../relations/index.ts';

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
    const relation: Relation | undefined = relationOf(current.content);
    if (!relation) return mainThread;
    if (relation.relType === 'm.thread') return relation.parentId;
    current = await byId(relation.parentId);
  }
  return mainThread;
}
