import { authorise, lookupAmong, selectAuthEvents, type Verdict } from '@myelin/protocol/auth-rules';
import type { RoomEvent } from '@myelin/protocol/events';

import type { StoredEvent } from '../../events/stored-event.ts';
import { authFacts } from '../../forks/auth-facts.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { RoomStates, State } from '../../state/index.ts';

/**
 * Checks 5 and 6: "Passes authorisation rules based on the state before the event, otherwise it is rejected"; "based on the current state
 * of the room, otherwise it is soft failed".
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 * @param membersInstead members' events that count where the state has none
 */
export async function authoriseByState(
  states: RoomStates,
  room: Pick<RoomIdentity, 'nid' | 'rules'>,
  event: RoomEvent,
  state: State,
  membersInstead: readonly StoredEvent[] = [],
): Promise<Verdict> {
  // The rules ask for nothing but the create event and what an event of this kind names among its auth events.
  const found = await states.events(room.nid, state, [['m.room.create', ''], ...selectAuthEvents(event, room.rules)]);
  const inState = found.filter((one) => one !== undefined);
  const known = new Set(inState.flatMap(({ type, stateKey }) => (type === 'm.room.member' ? (stateKey ?? []) : [])));
  const instead = membersInstead.filter(({ stateKey }) => stateKey !== undefined && !known.has(stateKey));
  return authorise(event, room.rules, lookupAmong([...inState, ...instead]), authFacts);
}

/**
 * The members among an event's auth events. In a room whose members are not all known here they stand for those whom its state lacks:
 * an event that names them was let in by a server that knows them, and it is looked at again when this one does.
 */
export function membersAmong(authEvents: Iterable<StoredEvent>): StoredEvent[] {
  return [...authEvents].filter(({ type, verdict }) => type === 'm.room.member' && verdict !== 'rejected');
}
