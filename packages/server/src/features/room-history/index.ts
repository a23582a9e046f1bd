import type { Feature } from '../feature.ts';
import type { OldEventsTools } from './old-events.ts';
import { roomHistoryRoutes } from './room-history.routes.ts';

export { visibleEventOrNotFound } from './event-context.ts';
export type { RelatedByLookup } from './read-history.ts';
export { readableRoom, tokenFrom } from './room-access.ts';

/** What reading rooms back needs. */
export type RoomHistoryNeeds = OldEventsTools;

/** Reading rooms back: pages of history, single events and what surrounds them, state, and how old clients did all that. */
export function roomHistoryFeature(needs: RoomHistoryNeeds): Feature {
  return { name: 'room-history', routes: roomHistoryRoutes(needs) };
}
