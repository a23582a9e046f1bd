import type { RoomEvent } from '../events/pdu.ts';
import { domainOf } from '../identifiers/index.ts';
import { allow, reject } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** The rule for `m.room.aliases` in room versions 1 to 5; https://spec.matrix.org/v1.19/rooms/v1/#authorisation-rules */
export function authoriseAliases(event: RoomEvent): Verdict {
  // If event has no state_key, reject.
  if (event.stateKey === undefined) return reject('m.room.aliases has no state_key');
  // If sender's domain doesn't match state_key, reject.
  if (domainOf(event.sender) !== event.stateKey)
    return reject(`the aliases of ${event.stateKey} are not ${event.sender}'s to set`);
  // Otherwise, allow.
  return allow;
}
