import { referenceHash, type Pdu } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { decodePdu, referredNids } from './event-codec.ts';
import type { EventStore } from './event-store.ts';
import type { StoredEvent } from './stored-event.ts';

/** Events in the form in which servers exchange them, put together from what is stored. */
export class PduStore {
  readonly #events: EventStore;

  constructor(events: EventStore) {
    this.#events = events;
  }

  /** The PDUs of some events, in their order, as they were signed: redacted or not makes no difference here. */
  async pdusOf(events: readonly StoredEvent[], rules: RoomVersionRules): Promise<Pdu[]> {
    const referred = await this.#events.byNids(new Set(events.flatMap((event) => referredNids(event.envelope))));
    return events.map((event) => decodePdu(event, rules, (nid) => referred.get(nid)?.eventId));
  }

  /** What room versions 1 and 2 put beside the ids in `prev_events` and `auth_events`: unpadded base64 of SHA-256. */
  async referenceHashes(eventIds: readonly EventId[], rules: RoomVersionRules): Promise<Map<EventId, string>> {
    const events = [...(await this.#events.byIds(eventIds)).values()];
    const pdus = await this.pdusOf(events, rules);
    return new Map(events.map((event, index) => [event.eventId, referenceHash(pdus[index] as Pdu, rules)]));
  }
}
