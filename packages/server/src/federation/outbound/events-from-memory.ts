import type { Rooms, StoredEvent } from '../../rooms/index.ts';

/**
 * What `eventsBetween` would find, as far as memory has every number from `after` on: the events that this server has let into the stream
 * itself, in (`after`, `upTo`]. Where a number is not in memory (it was never used, or is not at hand any more) it ends before it.
 */
export function eventsFromMemory(
  stored: Pick<Rooms['events'], 'cached'>,
  after: number,
  upTo: number,
): { readonly events: readonly StoredEvent[]; readonly upTo: number } {
  const events: StoredEvent[] = [];
  for (let nid = after + 1; nid <= upTo; nid++) {
    const event = stored.cached(nid);
    if (!event) return { events, upTo: nid - 1 };
    if (event.position === nid && event.verdict === 'accepted') events.push(event);
  }
  return { events, upTo };
}
