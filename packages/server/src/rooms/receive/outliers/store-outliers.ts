import type { EventId } from '@myelin/protocol/identifiers';

import type { Tx } from '../../../platform/database/index.ts';
import type { NewEvent } from '../../events/event-store.ts';
import { persistOutliers } from '../../events/persist-events.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { Room } from '../../room.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';
import { forgetOutOfBand, outOfBandAmong } from '../enter/out-of-band.store.ts';
import { referencesFirst } from '../gather/references-first.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import { authEventIdsOf, authoriseByAuthEvents } from '../turn/authorise-by-auth-events.ts';
import { internNames, storedFromPdu, type EventNames } from './stored-from-pdu.ts';

const outliersAtOnce = 500;
const writesAtOnce = 4;

/**
 * Stores events without a place: auth events, and those of a state that was fetched. Each is judged by its own auth events; one that
 * they do not allow is kept as rejected, with the reason. One whose auth events are not all known is left out: whoever needs it does
 * without. Resolves when they are durable. Not to be called in the room's turn.
 */
export async function storeOutliers(tools: ReceiveTools, identity: RoomIdentity, events: readonly CheckedEvent[]): Promise<void> {
  const writing = new OutlierWriting(tools, identity);
  await writing.add(events);
  await writing.end();
}

/** Stores outliers that come some at a time, while those before are still on their way to the disk. */
export class OutlierWriting {
  readonly #tools: ReceiveTools;
  readonly #room: RoomIdentity;
  readonly #writes: Promise<void>[] = [];

  constructor(tools: ReceiveTools, room: RoomIdentity) {
    this.#tools = tools;
    this.#room = room;
  }

  /** Hands some over to be written; those whose auth events are not all known are left out. */
  async add(events: readonly CheckedEvent[]): Promise<WrittenOutliers> {
    const ordered = referencesFirst(events, ({ event }) => authEventIdsOf(this.#room, event));
    const leftOut: CheckedEvent[] = [];
    const written: NewEvent[] = [];
    for (let from = 0; from < ordered.length; from += outliersAtOnce) {
      const some = ordered.slice(from, from + outliersAtOnce);
      const namesOf = await internNames(this.#tools.names, some);
      const { durable, ...outcome } = await this.#tools.registry.inTurn(this.#room, (room) =>
        writeOutliers(this.#tools, this.#room, room, some, namesOf),
      );
      leftOut.push(...outcome.leftOut);
      written.push(...outcome.written);
      // Its failure is told by whoever waits for it, which may be later.
      durable.catch(() => undefined);
      this.#writes.push(durable);
      // A few writes under way at once are enough; what they hold in memory is bounded so.
      if (this.#writes.length >= writesAtOnce) await this.#writes.shift();
    }
    return { leftOut, written };
  }

  /** Resolves when all is durable. */
  async end(): Promise<void> {
    await Promise.all(this.#writes.splice(0));
  }
}

/** What became of some events: those that are not among either were here already. */
export interface WrittenOutliers {
  readonly written: readonly NewEvent[];
  readonly leftOut: readonly CheckedEvent[];
}

/** In the room's turn. */
async function writeOutliers(
  tools: ReceiveTools,
  identity: RoomIdentity,
  room: Room,
  events: readonly CheckedEvent[],
  namesOf: (event: CheckedEvent) => EventNames,
): Promise<WrittenOutliers & { readonly durable: Promise<void> }> {
  const wanted = new Set(events.flatMap((event) => [event.eventId, ...authEventIdsOf(identity, event.event)]));
  const known = await tools.events.byIds([...wanted]);
  const outOfBand = await outOfBandAmong(tools.database, [...known.values()]);
  const unknown = events.filter(({ eventId }) => {
    const event = known.get(eventId);
    return !event || outOfBand.has(event.nid);
  });
  if (unknown.length === 0) return { durable: Promise.resolve(), leftOut: [], written: [] };
  const slot = tools.stream.allocate(unknown.length);
  const outliers: NewEvent[] = [];
  const leftOut: CheckedEvent[] = [];
  const renumbered: { old: StoredEvent; event: NewEvent }[] = [];
  for (const checked of unknown) {
    const authEvents = authEventIdsOf(identity, checked.event);
    if (authEvents.some((eventId) => !known.has(eventId))) {
      leftOut.push(checked);
      continue;
    }
    const verdict = authoriseByAuthEvents(identity, checked.event, (eventId) => known.get(eventId));
    const written = storedFromPdu(
      identity,
      checked,
      namesOf(checked),
      {
        nid: slot.position + outliers.length + renumbered.length,
        position: undefined,
        verdict: verdict.allowed ? 'accepted' : 'rejected',
        reason: verdict.allowed ? undefined : verdict.reason,
        stateRoot: undefined,
        roomRoot: undefined,
        replacesNid: undefined,
      },
      nidAmong(known, identity),
    );
    const old = known.get(checked.eventId);
    if (old) renumbered.push({ old, event: written });
    else outliers.push(written);
    known.set(checked.eventId, written.event);
  }
  const alongside = (tx: Tx): void => {
    for (const { old, event } of renumbered) {
      tools.events.writeRenumbered(tx, old, event);
      forgetOutOfBand(tx, old.nid);
    }
  };
  const written = renumbered.length === 0 ? outliers : [...outliers, ...renumbered.map(({ event }) => event)];
  return { durable: persistOutliers(tools, room, { outliers, alongside, slot }), leftOut, written };
}

/** The numbers of events that are known and of this room. */
export function nidAmong(
  known: ReadonlyMap<EventId, StoredEvent>,
  room: Pick<RoomIdentity, 'nid'>,
): (eventId: EventId) => number | undefined {
  return (eventId) => {
    const event = known.get(eventId);
    return event?.roomNid === room.nid ? event.nid : undefined;
  };
}
