import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomStates, State, StatePart } from '../state/index.ts';

/**
 * The events, by our integers, that make the state of the room, or a part of it, right before an event; undefined for an outlier, at which no state is
 * known.
 */
export async function stateBefore(
  states: RoomStates,
  event: StoredEvent,
  part: StatePart = 'all',
): Promise<number[] | undefined> {
  if (event.position === undefined || event.stateRoot === undefined) return undefined;
  const after = await states.tree.entries(event.roomNid, event.stateRoot, part);
  // One that was refused is not in the state after it, so nothing is to be put back.
  return after.flatMap(({ event: nid }) => (nid === event.nid ? (event.replacesNid ?? []) : nid));
}

/** The same as a state, for those who go on building on it; nothing of it is stored. */
export async function stateTreeBefore(states: RoomStates, event: StoredEvent): Promise<State | undefined> {
  if (event.position === undefined || event.stateRoot === undefined) return undefined;
  if (event.stateKey === undefined || event.verdict === 'rejected') return event.stateRoot;
  const [place] = await states.keysOf([[event.type, event.stateKey]]);
  return place && states.tree.apply(event.roomNid, event.stateRoot, [{ ...place, event: event.replacesNid }]);
}
