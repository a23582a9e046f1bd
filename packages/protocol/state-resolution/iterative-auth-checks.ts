import { authorise } from '../auth-rules/index.ts';
import type { RoomEvent } from '../events/pdu.ts';
import type { EventId } from '../identifiers/index.ts';
import type { EventReader } from './event-reader.ts';
import { stateMapKey } from './state-map.ts';
import type { StateMapKey } from './state-map.ts';

/**
 * The iterative auth checks algorithm: goes through a sorted list of state events and applies to the state each that the
 * authorisation rules allow there; https://spec.matrix.org/v1.19/rooms/v2/#definitions
 * @param resolved the state so far; changed in place
 * @param beneath the state that shows through where `resolved` has nothing
 */
export function iterativeAuthChecks(
  resolved: Map<StateMapKey, RoomEvent>,
  beneath: (key: StateMapKey) => EventId | undefined,
  sorted: readonly RoomEvent[],
  reader: EventReader,
): void {
  const { rules, facts } = reader;
  const usable = (eventId: EventId) => !facts.isRejected(eventId);
  for (const event of sorted) {
    if (event.stateKey === undefined) continue;
    const verdict = authorise(
      event,
      rules,
      (type, stateKey) => {
        const key = stateMapKey(type, stateKey);
        const found = resolved.get(key);
        if (found) return found;
        const agreed = beneath(key);
        // If a (event_type, state_key) key that is required for checking the authorisation rules is not present in the state, then
        // the appropriate state event from the event's auth_events is used if the auth event is not rejected.
        return (agreed !== undefined && reader.event(agreed)) || reader.authEvent(event, type, stateKey, usable);
      },
      facts.auth,
    );
    // If the state event is not allowed by the authorisation rules, then the event is ignored.
    if (verdict.allowed) resolved.set(stateMapKey(event.type, event.stateKey), event);
  }
}
