import { createEventIdOf } from '@myelin/protocol/events';
import { bareIds } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';

import type { Interner } from '../../../platform/database/index.ts';
import { encodePdu } from '../../events/event-codec.ts';
import type { NewEvent } from '../../events/event-store.ts';
import { StoredEvent, type StoredEventParts } from '../../events/stored-event.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import type { CheckedEvent } from '../door/at-the-door.ts';

/** The integers of an event's names. */
export interface EventNames {
  readonly typeNid: number;
  readonly senderNid: number;
  readonly stateKeyNid: number | undefined;
}

/** What an event becomes here, beside what it says itself. */
export type Standing = Pick<StoredEventParts, 'nid' | 'position' | 'verdict' | 'stateRoot' | 'roomRoot' | 'replacesNid'> & {
  readonly reason?: string | undefined;
};

/** Gives the names of events their integers, new ones where they have none. */
export async function internNames(
  names: Interner,
  events: readonly CheckedEvent[],
): Promise<(event: CheckedEvent) => EventNames> {
  const nids = await names.idsOf(
    new Set(events.flatMap(({ event }) => [event.type, event.sender, ...(event.stateKey === undefined ? [] : [event.stateKey])])),
  );
  const nidOf = (text: string): number => {
    const nid = nids.get(text);
    if (nid === undefined) throw new Error('a name was not interned');
    return nid;
  };
  return ({ event }) => ({
    typeNid: nidOf(event.type),
    senderNid: nidOf(event.sender),
    stateKeyNid: event.stateKey === undefined ? undefined : nidOf(event.stateKey),
  });
}

/** A received event as it is stored. `nidOf` gives the numbers of events of this room. */
export function storedFromPdu(
  room: RoomIdentity,
  { pdu, event, eventId }: CheckedEvent,
  names: EventNames,
  { reason, ...standing }: Standing,
  nidOf: (eventId: EventId) => number | undefined,
): NewEvent {
  const stored = new StoredEvent(
    {
      roomNid: room.nid,
      roomId: room.roomId,
      eventId,
      type: event.type,
      sender: event.sender,
      senderNid: names.senderNid,
      stateKey: event.stateKey,
      originServerTs: storable(event.originServerTs),
      depth: storable(event.depth),
      redactedByNid: undefined,
      ...standing,
      ...encodePdu(pdu, room.rules, nidOf),
    },
    event.content,
  );
  return {
    event: stored,
    typeNid: names.typeNid,
    stateKeyNid: names.stateKeyNid,
    ...(event.stateKey !== undefined && { authNids: authNidsOf(room, bareIds(pdu.auth_events), nidOf) }),
    ...(reason !== undefined && { reason }),
  };
}

/** A column holds what a JavaScript number holds exactly; the envelope keeps the rest. */
function storable(integer: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, integer));
}

function authNidsOf(room: RoomIdentity, eventIds: readonly EventId[], nidOf: (eventId: EventId) => number | undefined): number[] {
  const create = room.rules.roomIdIsCreateEventHash ? createEventIdOf(room.roomId) : undefined;
  return eventIds.flatMap((eventId) => (eventId === create ? [] : (nidOf(eventId) ?? [])));
}
