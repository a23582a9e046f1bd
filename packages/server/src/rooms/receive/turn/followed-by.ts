import type { EventId } from '@myelin/protocol/identifiers';

import { referencesOf } from '../../events/event-codec.ts';
import type { EventStore } from '../../events/event-store.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { RoomIdentity } from '../../room-ids.ts';

/** Longer chains of soft-failed and rejected events are not looked through: an extremity too many is put right by the next event. */
const mostLookedThrough = 100;

/**
 * The numbers of the events that an event follows, also by way of soft-failed and rejected ones, which are never extremities
 * themselves.
 */
export async function followedBy(
  events: EventStore,
  room: RoomIdentity,
  near: ReadonlyMap<EventId, StoredEvent>,
  prevEventIds: readonly EventId[],
): Promise<ReadonlySet<number>> {
  const followed = new Set<number>();
  let waiting = prevEventIds.flatMap((eventId) => near.get(eventId) ?? []);
  for (let looked = 0; waiting.length > 0 && looked < mostLookedThrough; looked += waiting.length) {
    const references = waiting.flatMap((event) => {
      if (followed.has(event.nid)) return [];
      followed.add(event.nid);
      return event.verdict === 'accepted' ? [] : referencesOf(event.envelope, room.rules).prev;
    });
    const byNid = await events.byNids(references.filter((reference) => typeof reference === 'number'));
    const byId = await events.byIds(references.filter((reference): reference is EventId => typeof reference === 'string'));
    waiting = [...byNid.values(), ...byId.values()];
  }
  return followed;
}
