import { referencesOf, type RoomIdentity, type Rooms, type StoredEvent } from '../../../rooms/index.ts';
import { isInGraph } from './readable-by-server.ts';

/** The events that some events follow, as far as this server has them in the room's graph; each once. */
export async function previousEvents(
  { events }: Pick<Rooms, 'events'>,
  room: RoomIdentity,
  of: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const references = new Set(of.flatMap((event) => referencesOf(event.envelope, room.rules).prev));
  const nids = new Set([...references].filter((reference) => typeof reference === 'number'));
  const ids = [...references].filter((reference) => typeof reference === 'string');
  // What was not here yet when the event came may have come since.
  if (ids.length > 0) for (const nid of (await events.nidsOf(ids)).values()) nids.add(nid);
  const found = await events.listByNids([...nids]);
  return found.filter((event) => event.roomNid === room.nid && isInGraph(event));
}
