import type { EventId } from '@myelin/protocol/identifiers';

import type { EventStore, StoredEvent } from '../../../rooms/index.ts';
import { mainThread, threadOf } from '../../receipts/index.ts';

/** The number of the thread that is no thread: the room's main timeline. */
export const mainTimeline = 0;

/**
 * The thread that an event is in, as the integer of the thread's root; `mainTimeline` where it is in none, or in one whose root nobody
 * here could read. Answers at once for events that relate to nothing.
 * https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts
 */
export function threadNidOf(events: EventStore, event: StoredEvent): number | Promise<number> {
  // Spares parsing most messages; stored contents spell the name in one way only.
  if (event.isState || !event.contentJson.includes('"m.relates_to"')) return mainTimeline;
  return follow(events, event);
}

async function follow(events: EventStore, event: StoredEvent): Promise<number> {
  const thread = await threadOf(event, (eventId) => events.byId(eventId));
  if (thread === mainThread) return mainTimeline;
  const root = await events.byId(thread as EventId);
  return root?.roomNid === event.roomNid ? root.nid : mainTimeline;
}
