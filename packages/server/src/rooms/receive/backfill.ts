import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../room-ids.ts';
import type { State } from '../state/index.ts';
import type { CheckedEvent } from './door/at-the-door.ts';
import { askForList } from './gather/ask.ts';
import { fetchAuthEvents } from './gather/fetch-auth-events.ts';
import { withoutPlace } from './gather/fetch-prev-events.ts';
import { fetchStateBefore } from './gather/fetch-state-after.ts';
import { referencesFirst } from './gather/references-first.ts';
import { internNames } from './outliers/stored-from-pdu.ts';
import type { ReceiveTools } from './receive-tools.ts';
import { gapsOf } from './turn/gaps.store.ts';
import { placeEvent } from './turn/place-event.ts';

/** Gaps that are named in one request. */
const gapsAtOnce = 20;
const mostBackfilled = 100;

/** What of the past is wanted. */
export interface Wanted {
  /** Servers that may have it, the likeliest first. */
  readonly servers: readonly ServerName[];
  readonly limit: number;
  /** Before these events; before all gaps of the room where it is not given. */
  readonly from?: readonly EventId[];
}

/**
 * Fetches history that lies behind the room's gaps and gives it its place before all that this server has. Returns how many events came
 * in. Nobody is woken or notified, and the room stays what it is.
 * https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
export async function backfill(tools: ReceiveTools, room: RoomIdentity, wanted: Wanted): Promise<number> {
  const from = wanted.from ?? (await gapsOf(tools.database, room, gapsAtOnce)).map(({ eventId }) => eventId);
  if (from.length === 0) return 0;
  const limit = Math.min(wanted.limit, mostBackfilled);
  for (const server of wanted.servers) {
    const { events } = await askForList(
      tools,
      room,
      () => tools.network.remote.backfill(server, room.roomId, from, limit),
      limit,
      // "The response of backfill MUST NOT be validated on these specific restrictions."
      { anyNumberOfReferences: true },
    );
    const came = await receiveHistory(tools, room, events, server);
    if (came > 0) return came;
  }
  return 0;
}

/**
 * Gives events of the past their places, the oldest first. The state before one whose predecessors are not here is asked for; without it
 * the event is left out, and so is what follows it alone.
 */
export async function receiveHistory(
  tools: ReceiveTools,
  room: RoomIdentity,
  events: readonly CheckedEvent[],
  server: ServerName,
): Promise<number> {
  const unplaced = new Set(
    await withoutPlace(
      tools,
      events.map(({ eventId }) => eventId),
    ),
  );
  const ordered = referencesFirst(
    events.filter(({ eventId }) => unplaced.has(eventId)),
    ({ event }) => event.prevEvents,
  );
  if (ordered.length === 0) return 0;
  // A block of positions, so that the newest of them comes right before what was here.
  let position = tools.positionsBefore(ordered.length);
  const writes: Promise<void>[] = [];
  let came = 0;
  for (const checked of ordered) {
    const historicalPosition = position++;
    const auth = await fetchAuthEvents(tools, room, checked, server);
    if (!auth.here) continue;
    const claimed = await claimedStates(tools, room, checked, server);
    if (!claimed) continue;
    const names = (await internNames(tools.names, [checked]))(checked);
    const placement = await tools.registry.inTurn(room, (inMemory) =>
      placeEvent(tools, room, inMemory, checked, { names, claimed, historicalPosition }),
    );
    if (!placement.done) continue;
    if (placement.outcome.outcome === 'accepted') came += 1;
    writes.push(placement.durable);
  }
  await Promise.all(writes);
  return came;
}

/** The state before an event at a gap stands for the state after each event before it that is not here. */
async function claimedStates(
  tools: ReceiveTools,
  room: RoomIdentity,
  { eventId, event }: CheckedEvent,
  server: ServerName,
): Promise<ReadonlyMap<EventId, State> | undefined> {
  const missing = await withoutPlace(tools, event.prevEvents);
  if (missing.length === 0) return new Map();
  const before = await fetchStateBefore(tools, room, eventId, server);
  return before === undefined ? undefined : new Map(missing.map((prev) => [prev, before]));
}
