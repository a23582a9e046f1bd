import { authorise, lookupAmong, selectAuthEvents, type Verdict } from '@myelin/protocol/auth-rules';
import type { RoomEvent } from '@myelin/protocol/events';

import { authFacts } from '../../forks/auth-facts.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { RoomStates, State } from '../../state/index.ts';

/**
 * Checks 5 and 6: "Passes authorisation rules based on the state before the event, otherwise it is rejected"; "based on the current state
 * of the room, otherwise it is soft failed".
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export async function authoriseByState(
  states: RoomStates,
  room: Pick<RoomIdentity, 'nid' | 'rules'>,
  event: RoomEvent,
  state: State,
): Promise<Verdict> {
  // The rules ask for nothing but the create event and what an event of this kind names among its auth events.
  const found = await states.events(room.nid, state, [['m.room.create', ''], ...selectAuthEvents(event, room.rules)]);
  return authorise(event, room.rules, lookupAmong(found.filter((one) => one !== undefined)), authFacts);
}
