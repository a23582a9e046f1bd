import type { EventId } from '@myelin/protocol/identifiers';

/**
 * Events in an order in which each comes after those of them that it refers to, and each once. Events in a circle of references, which
 * only assigned ids allow, come in the order in which they are met.
 */
export function referencesFirst<Event extends { readonly eventId: EventId }>(
  events: readonly Event[],
  referencesOf: (event: Event) => Iterable<EventId>,
): Event[] {
  const byId = new Map(events.map((event) => [event.eventId, event]));
  const ordered: Event[] = [];
  const begun = new Set<EventId>();
  for (const first of byId.values()) {
    if (begun.has(first.eventId)) continue;
    begun.add(first.eventId);
    const path = [{ event: first, references: [...referencesOf(first)] }];
    for (let at = path.at(-1); at; at = path.at(-1)) {
      const reference = at.references.pop();
      if (reference === undefined) {
        ordered.push(at.event);
        path.pop();
        continue;
      }
      const next = begun.has(reference) ? undefined : byId.get(reference);
      if (!next) continue;
      begun.add(reference);
      path.push({ event: next, references: [...referencesOf(next)] });
    }
  }
  return ordered;
}
