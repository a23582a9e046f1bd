import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../room-ids.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import { mostMissingEvents, type ReceiveTools } from '../receive-tools.ts';
import { gapsOf } from '../turn/gaps.store.ts';
import { placedState, type ClaimedStates } from '../turn/resolve-state-before.ts';
import { askForList } from './ask.ts';
import { fetchStateAfter } from './fetch-state-after.ts';
import { referencesFirst } from './references-first.ts';
import { statesBehindGaps } from './states-behind-gaps.ts';

/** What is known of the events that an event follows. */
export type PrevEvents =
  | { readonly here: true; readonly claimed: ClaimedStates }
  | { readonly here: false; readonly missing: readonly EventId[] };

/**
 * Gets the events between this one and those that this server has: a few of them in earnest, by `receive`, and where the gap is longer
 * the state at its near end. Outside the room's turn.
 * https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
export async function fetchPrevEvents(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  origin: ServerName,
  receive: ((event: CheckedEvent) => Promise<unknown>) | undefined,
): Promise<PrevEvents> {
  let missing = await withoutPlace(tools, checked.event.prevEvents);
  let claimed = await statesBehindGaps(tools, room, missing);
  if (claimed.size < missing.length && receive) {
    for (const event of await missingEvents(tools, room, checked, origin)) await receive(event);
    missing = await withoutPlace(tools, checked.event.prevEvents);
    claimed = await statesBehindGaps(tools, room, missing);
  }
  for (const eventId of missing) {
    if (claimed.has(eventId)) continue;
    // While the members of the room are on their way, nobody is asked for all of them once more.
    const state = tools.partial.of(room.nid) ? undefined : await fetchStateAfter(tools, room, eventId, origin);
    if (state === undefined) return { here: false, missing };
    claimed.set(eventId, state);
  }
  return { here: true, claimed };
}

/** The events that lie between, oldest first. */
async function missingEvents(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  origin: ServerName,
): Promise<readonly CheckedEvent[]> {
  // In the room's turn, since the database may not have the newest yet.
  const ours = await tools.registry.inTurn(room, ({ head }) => Promise.resolve(head.extremities));
  const newest = ours.toSorted((a, b) => b.nid - a.nid).slice(0, mostMissingEvents);
  // What lies behind a gap is history, and comes when somebody reads it.
  const gaps = await gapsOf(tools.database, room, mostMissingEvents);
  const earliest = [...newest, ...gaps].map(({ eventId }) => eventId);
  const gap = { earliest, latest: [checked.eventId], limit: mostMissingEvents };
  const { events } = await askForList(
    tools,
    room,
    () => tools.network.remote.missingEvents(origin, room.roomId, gap),
    mostMissingEvents,
  );
  return referencesFirst(
    events.filter(({ eventId }) => eventId !== checked.eventId),
    ({ event }) => event.prevEvents,
  );
}

/** Those of some events that have no place here, so that the state after them is not known. */
export async function withoutPlace(tools: ReceiveTools, eventIds: readonly EventId[]): Promise<EventId[]> {
  const known = await tools.events.byIds([...new Set(eventIds)]);
  return [...new Set(eventIds)].filter((eventId) => placedState(known.get(eventId)) === undefined);
}
