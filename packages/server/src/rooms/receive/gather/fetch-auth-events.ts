import { domainOf, type EventId, type ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../room-ids.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import { storeOutliers } from '../outliers/store-outliers.ts';
import { mostAuthEventsFetched, type ReceiveTools } from '../receive-tools.ts';
import { authEventIdsOf } from '../turn/authorise-by-auth-events.ts';
import { askForEvents, askForList } from './ask.ts';

/** Whether an event's auth events are here. `isFinal`: the servers that should have them say that they do not. */
export type AuthEvents =
  | { readonly here: true }
  | { readonly here: false; readonly missing: readonly EventId[]; readonly isFinal: boolean };

/**
 * Gets the auth events that an event names and this server does not have, with all that those rest on: from the server that sent the
 * event, then from the sender's own, so that nobody can keep an event of another server out by holding back what it rests on. Outside
 * the room's turn. https://spec.matrix.org/v1.19/server-server-api/#retrieving-event-authorisation-information
 */
export async function fetchAuthEvents(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  origin: ServerName,
): Promise<AuthEvents> {
  const missing = await missingOf(tools, room, [checked]);
  if (missing.length === 0) return { here: true };
  const servers = [...new Set([origin, domainOf(checked.event.sender)])].filter((server) => server !== tools.serverName);
  let isFinal = true;
  for (const server of servers) {
    const { answered } = await askOne(tools, room, checked, server);
    isFinal &&= answered;
    const left = await missingOf(tools, room, [checked]);
    if (left.length === 0) return { here: true };
  }
  return { here: false, missing: await missingOf(tools, room, [checked]), isFinal };
}

async function askOne(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  server: ServerName,
): Promise<{ answered: boolean }> {
  const chain = await askForList(
    tools,
    room,
    () => tools.network.remote.eventAuth(server, room.roomId, checked.eventId),
    mostAuthEventsFetched,
  );
  return gather(tools, room, server, [checked], chain.events);
}

/**
 * Stores what some events rest on: what is at hand, and what has to be asked for one by one, down to what is known here. Bounded, so that
 * a forged chain ends somewhere.
 */
export async function gather(
  tools: ReceiveTools,
  room: RoomIdentity,
  server: ServerName,
  wanting: readonly CheckedEvent[],
  atHand: readonly CheckedEvent[],
): Promise<{ answered: boolean }> {
  const found = new Map(atHand.map((event) => [event.eventId, event]));
  const refused = new Set<EventId>();
  let answered = true;
  for (let fetched = 0; fetched < mostAuthEventsFetched;) {
    const missing = (await missingOf(tools, room, [...wanting, ...found.values()])).filter(
      (eventId) => !found.has(eventId) && !refused.has(eventId),
    );
    if (missing.length === 0) break;
    const asked = missing.slice(0, mostAuthEventsFetched - fetched);
    fetched += asked.length;
    const answer = await askForEvents(tools, room, server, asked);
    for (const event of answer.events) found.set(event.eventId, event);
    for (const eventId of asked) if (!found.has(eventId)) refused.add(eventId);
    answered &&= answer.answered;
    if (!answer.answered) break;
  }
  await storeOutliers(tools, room, [...found.values()]);
  return { answered };
}

/** The auth events of some events that are not stored here. */
export async function missingOf(tools: ReceiveTools, room: RoomIdentity, events: readonly CheckedEvent[]): Promise<EventId[]> {
  const wanted = [...new Set(events.flatMap(({ event }) => authEventIdsOf(room, event)))];
  const known = await tools.events.nidsOf(wanted);
  return wanted.filter((eventId) => !known.has(eventId));
}
