import type { JsonObject } from '@myelin/protocol/events';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { RoomHooks } from '../hooks.ts';
import type { RoomIds } from '../room-ids.ts';
import type { TransactionIds } from '../send/transaction-ids.ts';
import type { Viewer } from '../viewer.ts';
import type { VisibleEvent } from '../visibility/visible-events.ts';
import { clientEventJson, finishClientEvent, type ClientEventPrefix } from './client-event.ts';
import type { EventStore } from './event-store.ts';
import type { PduStore } from './pdu-store.ts';
import { redactedId } from './redacted-id.ts';
import type { StoredEvent } from './stored-event.ts';

/** How events are to be written for one answer. */
export interface ServeOptions {
  /** Left out in `/sync`, where the room is known. */
  readonly withRoomId?: boolean;
  /** `federation` gives the signed form; https://spec.matrix.org/v1.19/client-server-api/#filtering */
  readonly format?: 'client' | 'federation';
  /** Keeps only some members of each event (`event_fields` of a filter). */
  readonly fields?: (event: JsonObject) => JsonObject;
  /** Bundled aggregations are left out where they make no sense. */
  readonly bundle?: boolean;
}

/** An event to be written; without `membership` where nothing was looked up of the viewer at that moment (as with a room's state). */
export type ServedEvent = Pick<VisibleEvent, 'event'> & { readonly membership?: VisibleEvent['membership'] | undefined };

/** Writes events for clients. What does not depend on the viewer is written once and kept with the event. */
export class EventServing {
  readonly #needs: EventServingNeeds;
  readonly #prefixes = new WeakMap<StoredEvent, ClientEventPrefix>();

  constructor(needs: EventServingNeeds) {
    this.#needs = needs;
  }

  /** Each event as the JSON of its client (or federation) form, in order. `membership` is what the viewer was at that moment. */
  async serve(viewer: Viewer, visible: readonly ServedEvent[], options: ServeOptions = {}): Promise<string[]> {
    if (visible.length === 0) return [];
    const events = visible.map(({ event }) => event);
    const [additions, transactionIds, related] = await Promise.all([
      options.bundle === false ? new Map<number, JsonObject>() : this.#decorations(viewer, events),
      this.#transactionIds(viewer, events),
      this.#related(events),
    ]);
    const prefixes =
      options.format === 'federation'
        ? await this.#federationForms(events)
        : await Promise.all(events.map((event) => this.#prefix(event)));
    const now = this.#needs.clock.now();
    const served: string[] = [];
    for (const [index, { event, membership }] of visible.entries()) {
      const unsigned: JsonObject = { age: now - event.originServerTs, ...(membership !== undefined && { membership }) };
      const replaced = event.replacesNid === undefined ? undefined : related.get(event.replacesNid);
      if (replaced) {
        unsigned['prev_content'] = replaced.content;
        unsigned['prev_sender'] = replaced.sender;
        unsigned['replaces_state'] = replaced.eventId;
      }
      const redaction = event.redactedByNid === undefined ? undefined : related.get(event.redactedByNid);
      if (redaction) {
        unsigned['redacted_by'] = redaction.eventId;
        unsigned['redacted_because'] = JSON.parse(
          finishClientEvent(await this.#prefix(redaction), { roomId: event.roomId, unsignedJson: '{}' }),
        ) as JsonObject;
      }
      const transactionId = transactionIds.get(event.nid);
      if (transactionId !== undefined) unsigned['transaction_id'] = transactionId;
      Object.assign(unsigned, additions.get(event.nid));
      const json = finishClientEvent(prefixes[index] as ClientEventPrefix, {
        roomId: options.withRoomId && options.format !== 'federation' ? event.roomId : undefined,
        unsignedJson: JSON.stringify(unsigned),
      });
      served.push(options.fields ? JSON.stringify(options.fields(JSON.parse(json) as JsonObject)) : json);
    }
    return served;
  }

  async #prefix(event: StoredEvent): Promise<ClientEventPrefix> {
    const known = this.#prefixes.get(event);
    if (known !== undefined) return known;
    const prefix = clientEventJson({
      eventId: event.eventId,
      type: event.type,
      sender: event.sender,
      stateKey: event.stateKey,
      originServerTs: event.originServerTs,
      contentJson: event.contentJson,
      redacts: event.type === 'm.room.redaction' ? await redactedId(this.#needs, event) : undefined,
    });
    this.#prefixes.set(event, prefix);
    return prefix;
  }

  async #federationForms(events: readonly StoredEvent[]): Promise<ClientEventPrefix[]> {
    return Promise.all(
      events.map(async (event) => {
        const { rules } = await this.#needs.rooms.byNid(event.roomNid);
        const [pdu] = await this.#needs.pdus.pdusOf([event], rules);
        // Open at the end, as the client form is, for `unsigned` to follow. Clients need the id whatever the room version.
        return JSON.stringify({ ...pdu, event_id: event.eventId, room_id: event.roomId }).slice(0, -1) as ClientEventPrefix;
      }),
    );
  }

  /** Events that others are described by: what they replaced, what redacted them. */
  #related(events: readonly StoredEvent[]): Promise<Map<number, StoredEvent>> {
    const nids = new Set<number>();
    for (const { replacesNid, redactedByNid } of events) {
      if (replacesNid !== undefined) nids.add(replacesNid);
      if (redactedByNid !== undefined) nids.add(redactedByNid);
    }
    return this.#needs.events.byNids(nids);
  }

  async #transactionIds(viewer: Viewer, events: readonly StoredEvent[]): Promise<Map<number, string>> {
    const own = events.filter((event) => event.senderNid === viewer.userNid).map(({ nid }) => nid);
    if (viewer.deviceId === undefined || own.length === 0) return new Map();
    return this.#needs.transactionIds.ofDevice(this.#needs.database, viewer.deviceId, own);
  }

  async #decorations(viewer: Viewer, events: readonly StoredEvent[]): Promise<Map<number, JsonObject>> {
    const all = new Map<number, JsonObject>();
    for (const decorator of this.#needs.hooks.decorators) {
      for (const [nid, addition] of await decorator.decorate(viewer, events)) all.set(nid, { ...all.get(nid), ...addition });
    }
    return all;
  }
}

export interface EventServingNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly rooms: RoomIds;
  readonly events: EventStore;
  readonly pdus: PduStore;
  readonly transactionIds: TransactionIds;
  readonly hooks: RoomHooks;
}
