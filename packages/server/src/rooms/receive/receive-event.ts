import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../room-ids.ts';
import type { CheckedEvent } from './door/at-the-door.ts';
import { fetchAuthEvents } from './gather/fetch-auth-events.ts';
import { fetchPrevEvents, type PrevEvents } from './gather/fetch-prev-events.ts';
import { storeOutliers } from './outliers/store-outliers.ts';
import { storeRejected } from './outliers/store-rejected.ts';
import { internNames } from './outliers/stored-from-pdu.ts';
import type { ReceiveOutcome, ReceiveTools } from './receive-tools.ts';
import { authEventIdsOf, authoriseByAuthEvents } from './turn/authorise-by-auth-events.ts';
import { placeEvent } from './turn/place-event.ts';

export interface Sender {
  /** The server that gave us the event, and is asked for what it rests on. */
  readonly origin: ServerName;
}

/** How often gathering is begun anew because the room changed meanwhile. */
const attempts = 3;

/**
 * Takes an event that has passed the door into its room, by the spec's checks from the fourth on. What has to be asked of other servers
 * is gathered first, outside the room's turn; the turn judges and persists. Durable when it resolves.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function receiveEvent(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  sender: Sender,
): Promise<ReceiveOutcome> {
  return receive(tools, room, checked, sender, (event) => receive(tools, room, event, sender, undefined));
}

async function receive(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  { origin }: Sender,
  receiveMissing: ((event: CheckedEvent) => Promise<unknown>) | undefined,
): Promise<ReceiveOutcome> {
  let missing: readonly EventId[] = [];
  for (let attempt = 0; attempt < attempts; attempt++) {
    const known = await tools.events.byId(checked.eventId);
    if (known && (known.position !== undefined || known.verdict === 'rejected')) return { outcome: 'known' };

    const auth = await fetchAuthEvents(tools, room, checked, origin);
    if (!auth.here) {
      const reason = `auth events are missing: ${auth.missing.join(', ')}`;
      if (!auth.isFinal) return { outcome: 'waiting', reason, missing: auth.missing };
      return storeRejected(tools, room, checked, reason);
    }
    // A stored one of which this server knew nothing but itself is stored anew, now that its auth events are known.
    if (known) await storeOutliers(tools, room, [checked]);

    const prev = await prevEventsOf(tools, room, checked, origin, receiveMissing);
    if (prev === 'not worth it') return storeRejected(tools, room, checked, await whyRejected(tools, room, checked));
    if (!prev.here) {
      return {
        outcome: 'waiting',
        reason: `the state before the event is not known: ${prev.missing.join(', ')}`,
        missing: prev.missing,
      };
    }
    const names = (await internNames(tools.names, [checked]))(checked);
    const { claimed } = prev;
    const objection = await objectionTo(tools, room, checked);
    const placement = await tools.registry.inTurn(room, (inMemory) =>
      placeEvent(tools, room, inMemory, checked, { names, claimed, historicalPosition: undefined, objection }),
    );
    if (placement.done) {
      await placement.durable;
      return placement.outcome;
    }
    missing = placement.missing;
  }
  return { outcome: 'waiting', reason: `the room keeps changing: ${missing.join(', ')}`, missing };
}

/** For an event that its own auth events do not allow nobody is asked about the events before it. */
async function prevEventsOf(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  origin: ServerName,
  receiveMissing: ((event: CheckedEvent) => Promise<unknown>) | undefined,
): Promise<PrevEvents | 'not worth it'> {
  const reason = await whyRejected(tools, room, checked);
  if (reason === undefined) return fetchPrevEvents(tools, room, checked, origin, receiveMissing);
  const known = await tools.events.byIds(checked.event.prevEvents);
  const allPlaced = checked.event.prevEvents.every((eventId) => known.get(eventId)?.position !== undefined);
  return allPlaced ? { here: true, claimed: new Map() } : 'not worth it';
}

async function whyRejected(tools: ReceiveTools, room: RoomIdentity, { event }: CheckedEvent): Promise<string | undefined> {
  const authEvents = await tools.events.byIds(authEventIdsOf(room, event));
  const verdict = authoriseByAuthEvents(room, event, (eventId) => authEvents.get(eventId));
  return verdict.allowed ? undefined : verdict.reason;
}

/** Check 7: what policy servers and the like say. The first objection counts. */
async function objectionTo(tools: ReceiveTools, room: RoomIdentity, { event, pdu }: CheckedEvent): Promise<string | undefined> {
  for (const hook of tools.hooks.receive) {
    const objection = await hook.objectionTo(event, pdu, room);
    if (objection !== undefined) return objection;
  }
  return undefined;
}
