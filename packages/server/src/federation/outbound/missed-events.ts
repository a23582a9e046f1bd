import { domainOf, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import type { Database, Interner } from '../../platform/database/index.ts';
import type { Rooms, StoredEvent } from '../../rooms/index.ts';
import { extremitiesOf, latestInRoom, readOwed, roomsOfServer } from './outbound.store.ts';

export interface MissedEventsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly serverName: ServerName;
  readonly rooms: Pick<Rooms, 'events' | 'timeline' | 'partial'>;
}

const lookedAtOnce = 100;
/** How far back in a room one of our own events is looked for. What lies deeper is known to those who wrote the rest. */
const mostLookedAt = 2000;

/**
 * What a server is told that knows all up to `since`: of each room that it is in, our own newest events up to `upTo`, for from them it finds
 * the others; and what is owed to it. In the order of the stream.
 */
export async function missedEvents(
  needs: MissedEventsNeeds,
  destinationNid: number,
  since: number,
  upTo: number,
): Promise<StoredEvent[]> {
  const { database, rooms } = needs;
  const found = new Map<number, StoredEvent>();
  for (const event of await rooms.events.listByNids(await readOwed(database, destinationNid))) found.set(event.nid, event);
  const server = (await needs.names.textOf(destinationNid)) as ServerName;
  const said = rooms.partial.all.flatMap(({ roomNid, servers }) => (servers.has(server) ? roomNid : []));
  for (const roomNid of new Set([...(await roomsOfServer(database, destinationNid)), ...said])) {
    if ((await rooms.timeline.latestPosition(roomNid)) <= since) continue;
    for (const event of await newestOfOurs(needs, roomNid, since, upTo)) found.set(event.nid, event);
  }
  return [...found.values()].sort((one, other) => one.nid - other.nid);
}

async function newestOfOurs(needs: MissedEventsNeeds, roomNid: number, since: number, upTo: number): Promise<StoredEvent[]> {
  const { database, names, rooms, serverName } = needs;
  const isOurs = (sender: string): boolean => domainOf(sender as UserId) === serverName;
  const extremities = await rooms.events.listByNids(await extremitiesOf(database, roomNid));
  const newest = extremities.filter(
    ({ sender, position = 0, verdict }) => verdict === 'accepted' && isOurs(sender) && position > since && position <= upTo,
  );
  if (newest.length > 0) return newest;
  let before = upTo;
  for (let looked = 0; looked < mostLookedAt; looked += lookedAtOnce) {
    const rows = await latestInRoom(database, roomNid, { after: since, upTo: before, limit: lookedAtOnce });
    const senders = await names.textsOf(rows.map(({ senderNid }) => senderNid));
    const ours = rows.find(({ senderNid }) => isOurs(senders.get(senderNid) ?? ''));
    if (ours) return rooms.events.listByNids([ours.eventNid]);
    const last = rows.at(-1);
    if (!last || rows.length < lookedAtOnce) return [];
    before = last.position - 1;
  }
  return [];
}
