import type { EventId, ServerName } from '@myelin/protocol/identifiers';

import type { StoredEvent } from '../events/stored-event.ts';
import type { ReceiveVerdict } from '../hooks.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { CheckedEvent } from './door/at-the-door.ts';
import { fetchAuthEvents } from './gather/fetch-auth-events.ts';
import { fetchPrevEvents, withoutPlace, type PrevEvents } from './gather/fetch-prev-events.ts';
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

/** What became of an event. Those that build on it need not wait for the disk; who tells others of the outcome does. */
export interface Received {
  readonly outcome: ReceiveOutcome;
  /** Resolves when the outcome is on disk; rejects when it will not be, and the event is to be received again. */
  readonly durable: Promise<void>;
}

/** Receives an event that is missing before another; it is placed when it resolves. */
type ReceiveMissing = (event: CheckedEvent) => Promise<unknown>;

const nothingWritten = Promise.resolve();

/**
 * Takes an event that has passed the door into its room, by the spec's checks from the fourth on. What has to be asked of other servers
 * is gathered first, outside the room's turn; the turn judges and persists. Resolves when the event has its place in the room's memory.
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function receiveEvent(tools: ReceiveTools, room: RoomIdentity, checked: CheckedEvent, sender: Sender): Promise<Received> {
  return receive(tools, room, checked, sender, async (event) => {
    const { durable } = await receive(tools, room, event, sender, undefined);
    // The event behind it is written after it, in the same lane, and fails with it.
    durable.catch(() => undefined);
  });
}

async function receive(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  { origin }: Sender,
  receiveMissing: ReceiveMissing | undefined,
): Promise<Received> {
  let missing: readonly EventId[] = [];
  let verdict: ReceiveVerdict | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const known = await tools.events.byId(checked.eventId);
    if (known && (known.position !== undefined || known.verdict === 'rejected')) return knownAlready(tools, room, known);

    const auth = await fetchAuthEvents(tools, room, checked, origin);
    if (!auth.here) {
      const reason = `auth events are missing: ${auth.missing.join(', ')}`;
      if (!auth.isFinal) return waiting(reason, auth.missing);
      return { outcome: await storeRejected(tools, room, checked, reason), durable: nothingWritten };
    }
    // A stored one of which this server knew nothing but itself is stored anew, now that its auth events are known.
    if (known) await storeOutliers(tools, room, [checked]);

    const prev = await prevEventsOf(tools, room, checked, origin, receiveMissing);
    if (prev === 'not worth it') {
      const outcome = await storeRejected(tools, room, checked, await whyRejected(tools, room, checked));
      return { outcome, durable: nothingWritten };
    }
    if (!prev.here) return waiting(`the state before the event is not known: ${prev.missing.join(', ')}`, prev.missing);
    const names = (await internNames(tools.names, [checked]))(checked);
    const { claimed } = prev;
    verdict ??= await judgedByOthers(tools, room, checked);
    const { objection, signed = checked.pdu } = verdict;
    const placement = await tools.registry.inTurn(room, async (inMemory) => {
      const arrival = { names, claimed, historicalPosition: undefined, objection };
      const placed = await placeEvent(tools, room, inMemory, { ...checked, pdu: signed }, arrival);
      return placed.done && placed.outcome.outcome === 'known' ? { ...placed, durable: inMemory.lastWrite } : placed;
    });
    if (placement.done) return placement;
    missing = placement.missing;
  }
  return waiting(`the room keeps changing: ${missing.join(', ')}`, missing);
}

function waiting(reason: string, missing: readonly EventId[]): Received {
  return { outcome: { outcome: 'waiting', reason, missing }, durable: nothingWritten };
}

/** One that came another way a moment ago may not be on disk yet. */
async function knownAlready(tools: ReceiveTools, room: RoomIdentity, { nid }: StoredEvent): Promise<Received> {
  const outcome = { outcome: 'known' } as const;
  if (!tools.events.isPending(nid)) return { outcome, durable: nothingWritten };
  const { durable } = await tools.registry.inTurn(room, ({ lastWrite }) => Promise.resolve({ durable: lastWrite }));
  return { outcome, durable };
}

/** For an event that its own auth events do not allow nobody is asked about the events before it. */
async function prevEventsOf(
  tools: ReceiveTools,
  room: RoomIdentity,
  checked: CheckedEvent,
  origin: ServerName,
  receiveMissing: ReceiveMissing | undefined,
): Promise<PrevEvents | 'not worth it'> {
  const missing = await withoutPlace(tools, checked.event.prevEvents);
  if (missing.length === 0) return { here: true, claimed: new Map() };
  if ((await whyRejected(tools, room, checked)) !== undefined) return 'not worth it';
  return fetchPrevEvents(tools, room, checked, origin, receiveMissing);
}

async function whyRejected(tools: ReceiveTools, room: RoomIdentity, { event }: CheckedEvent): Promise<string | undefined> {
  const authEvents = await tools.events.byIds(authEventIdsOf(room, event));
  const verdict = authoriseByAuthEvents(room, event, (eventId) => authEvents.get(eventId));
  return verdict.allowed ? undefined : verdict.reason;
}

/** Check 7: what policy servers and the like say. The first objection counts. */
async function judgedByOthers(tools: ReceiveTools, room: RoomIdentity, checked: CheckedEvent): Promise<ReceiveVerdict> {
  let { pdu } = checked;
  let isWorthIt = false;
  for (const hook of tools.hooks.receive) {
    if (!(await hook.concerns(checked.event, room))) continue;
    // Nobody is asked about what the room will not have anyway.
    isWorthIt ||= (await whyRejected(tools, room, checked)) === undefined;
    if (!isWorthIt) break;
    const { objection, signed = pdu } = await hook.judge(pdu, room);
    if (objection !== undefined) return { objection };
    pdu = signed;
  }
  return { signed: pdu };
}
