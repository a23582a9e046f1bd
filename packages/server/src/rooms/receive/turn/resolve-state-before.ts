import type { EventId } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../../events/stored-event.ts';
import type { StateResolver } from '../../forks/resolve-states.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import { emptyState, type State } from '../../state/index.ts';

/** States after events that have no place here, as other servers gave them. */
export type ClaimedStates = ReadonlyMap<EventId, State>;

export type StateBefore =
  | { readonly ok: true; readonly state: State }
  | { readonly ok: false; readonly missing: readonly EventId[] };

/**
 * The state before an event: the resolution of the states after the events that it follows. A rejected one of those has not changed
 * its state. https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution
 */
export async function resolveStateBefore(
  resolver: StateResolver,
  room: RoomIdentity,
  prevEventIds: readonly EventId[],
  prevEvents: ReadonlyMap<EventId, StoredEvent>,
  claimed: ClaimedStates,
): Promise<StateBefore> {
  if (prevEventIds.length === 0) return { ok: true, state: emptyState };
  const missing: EventId[] = [];
  const states: State[] = [];
  for (const eventId of new Set(prevEventIds)) {
    const state = placedState(prevEvents.get(eventId)) ?? claimed.get(eventId);
    if (state === undefined) missing.push(eventId);
    else states.push(state);
  }
  return missing.length > 0 ? { ok: false, missing } : { ok: true, state: await resolver.resolve(room, states) };
}

/** The state after an event that has a place; undefined for others. */
export function placedState(event: StoredEvent | undefined): State | undefined {
  return event?.position === undefined ? undefined : event.stateRoot;
}
