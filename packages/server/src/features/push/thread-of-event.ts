import type { JsonObject } from '@myelin/protocol/events';
import { objectField, textField } from '@myelin/protocol/events/content';
import type { EventId } from '@myelin/protocol/identifiers';

import type { EventStore, StoredEvent } from '../../rooms/index.ts';

/** The thread that is no thread: the room's main timeline. */
export const mainTimeline = 0;

/** https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts: "a maximum of 3 hops is recommended". */
const maxHops = 3;

/**
 * The thread that an event is in, as the integer of the thread's root; `mainTimeline` where it is in none. An event is in a thread if it
 * says so, or if one that it relates to, three hops at most, does. Answers at once for events that relate to nothing.
 */
export function threadOf(events: EventStore, event: StoredEvent): number | Promise<number> {
  if (event.isState || !mayRelate(event.contentJson)) return mainTimeline;
  const relation = relationIn(event.content);
  return relation === undefined ? mainTimeline : follow(events, event.roomNid, relation);
}

async function follow(events: EventStore, roomNid: number, first: Relation): Promise<number> {
  let relation: Relation | undefined = first;
  for (let hop = 0; hop < maxHops && relation !== undefined; hop++) {
    const target: StoredEvent | undefined = await events.byId(relation.eventId);
    // What is not here, or stands in another room, is no thread that anybody could read.
    if (!target || target.roomNid !== roomNid) return mainTimeline;
    if (relation.type === 'm.thread') return target.nid;
    relation = target.isState ? undefined : relationIn(target.content);
  }
  return mainTimeline;
}

interface Relation {
  readonly type: string;
  readonly eventId: EventId;
}

/** https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events; a rich reply alone is none. */
function relationIn(content: JsonObject): Relation | undefined {
  const relatesTo = objectField(content, 'm.relates_to');
  if (relatesTo === undefined) return undefined;
  const type = textField(relatesTo, 'rel_type');
  const eventId = textField(relatesTo, 'event_id');
  return type === undefined || eventId === undefined ? undefined : { type, eventId: eventId as EventId };
}

function mayRelate(contentJson: string): boolean {
  // Spares parsing most messages; an escaped spelling of the name is not canonical JSON, which stored contents are.
  return contentJson.includes('"m.relates_to"');
}
