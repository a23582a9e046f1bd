import { referencesOf, type Rooms, type StoredEvent } from '../../../rooms/index.ts';
import { sendersToShow } from './lazy-members.ts';

/**
 * The memberships of the senders of events, by the auth events of what they sent: for a room of which this server does not know all
 * members yet.
 * @param known members that are told anyway
 */
export async function sendersBehind(
  rooms: Rooms,
  shown: readonly StoredEvent[],
  known: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const unknown = sendersToShow(shown);
  for (const { stateKey } of known) unknown.delete((stateKey ?? '') as StoredEvent['sender']);
  const found: StoredEvent[] = [];
  for (const event of shown) {
    if (!unknown.has(event.sender)) continue;
    const { rules } = await rooms.ids.byNid(event.roomNid);
    const { auth } = referencesOf(event.envelope, rules);
    const events = await rooms.events.byNids(auth.filter((reference) => typeof reference === 'number'));
    const member = [...events.values()].find(({ type, stateKey }) => type === 'm.room.member' && stateKey === event.sender);
    if (!member) continue;
    unknown.delete(event.sender);
    found.push(member);
  }
  return found;
}
