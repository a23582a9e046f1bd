import type { StoredEvent } from '../events/stored-event.ts';

/**
 * The type of an event that ties the loose ends of a room's history together and says nothing. No specification has it; servers have
 * agreed on it. Each server needs it, and no client gets it.
 */
export const dummyEventType = 'org.matrix.dummy_event';

/** Whether an event is only there for servers. As state it would be part of what the room is, so that is shown. */
export function isDummy({ type, stateKey }: Pick<StoredEvent, 'type' | 'stateKey'>): boolean {
  return type === dummyEventType && stateKey === undefined;
}
