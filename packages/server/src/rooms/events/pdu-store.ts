import { referenceHash, signPdu, type Pdu } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';
import type { SigningKey } from '@myelin/protocol/signatures';

import { decodePdu, referredNids } from './event-codec.ts';
import type { EventStore } from './event-store.ts';
import type { StoredEvent } from './stored-event.ts';

/** What this server signs with, and the ids of all keys that it publishes, old ones among them. */
export interface OwnSignature {
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
  readonly publishedKeys: ReadonlySet<string>;
}

/** Events in the form in which servers exchange them, put together from what is stored. */
export class PduStore {
  readonly #events: EventStore;
  readonly #own: OwnSignature;

  constructor(events: EventStore, own: OwnSignature) {
    this.#events = events;
    this.#own = own;
  }

  /**
   * The PDUs of some events, in their order, as they were signed: redacted or not makes no difference here. What this server has signed
   * with a key that it no longer tells anybody of is signed once more.
   */
  async pdusOf(events: readonly StoredEvent[], rules: RoomVersionRules): Promise<Pdu[]> {
    return (await this.#asStored(events, rules)).map((pdu) => this.#provable(pdu, rules));
  }

  async #asStored(events: readonly StoredEvent[], rules: RoomVersionRules): Promise<Pdu[]> {
    const referred = await this.#events.byNids(new Set(events.flatMap((event) => referredNids(event.envelope))));
    return events.map((event) => decodePdu(event, rules, (nid) => referred.get(nid)?.eventId));
  }

  /** What room versions 1 and 2 put beside the ids in `prev_events` and `auth_events`: unpadded base64 of SHA-256. */
  async referenceHashes(eventIds: readonly EventId[], rules: RoomVersionRules): Promise<Map<EventId, string>> {
    const events = [...(await this.#events.byIds(eventIds)).values()];
    const pdus = await this.#asStored(events, rules);
    return new Map(events.map((event, index) => [event.eventId, referenceHash(pdus[index] as Pdu, rules)]));
  }

  /** Others can check a signature only by a key that they can get. */
  #provable(pdu: Pdu, rules: RoomVersionRules): Pdu {
    const { serverName, signingKey, publishedKeys } = this.#own;
    const signatures = pdu.signatures[serverName];
    if (!signatures || Object.keys(signatures).some((keyId) => publishedKeys.has(keyId))) return pdu;
    return signPdu(pdu, serverName, signingKey, rules);
  }
}
