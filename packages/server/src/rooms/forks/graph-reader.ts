import type { RoomEvent } from '@myelin/protocol/events';
import type { EventId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';
import type { ResolutionFacts } from '@myelin/protocol/state-resolution';

import { referencesOf } from '../events/event-codec.ts';
import type { EventStore } from '../events/event-store.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { authFacts } from './auth-facts.ts';

/**
 * Events for state resolution, which cannot wait: it is run with what is here, then what it asked for and did not get is loaded, and it
 * is run again until nothing is missing.
 */
export class GraphReader {
  readonly #events: EventStore;
  readonly #rules: RoomVersionRules;
  readonly #byId = new Map<EventId, RoomEvent>();
  readonly #stored = new Map<EventId, StoredEvent>();
  readonly #idOfNid = new Map<number, EventId>();
  readonly #absent = new Set<EventId>();
  readonly #wantedNids = new Set<number>();
  readonly #wantedIds = new Set<EventId>();

  constructor(events: EventStore, rules: RoomVersionRules) {
    this.#events = events;
    this.#rules = rules;
  }

  readonly facts: ResolutionFacts = {
    event: (eventId) => {
      const event = this.#byId.get(eventId);
      if (!event && !this.#absent.has(eventId) && !eventId.startsWith(unloaded)) this.#wantedIds.add(eventId);
      return event;
    },
    isRejected: (eventId) => this.#stored.get(eventId)?.verdict === 'rejected',
    auth: authFacts,
  };

  /** The id of an event that was loaded. */
  idOf(nid: number): EventId {
    const eventId = this.#idOfNid.get(nid);
    if (eventId === undefined) throw new Error(`the event with the number ${nid} is gone`);
    return eventId;
  }

  nidOf(eventId: EventId): number {
    const nid = this.#stored.get(eventId)?.nid;
    if (nid === undefined) throw new Error(`${eventId} was not loaded`);
    return nid;
  }

  storedEvent(eventId: EventId): StoredEvent | undefined {
    return this.#stored.get(eventId);
  }

  /** Loads events by their numbers. */
  async load(nids: Iterable<number>): Promise<void> {
    for (const event of (await this.#events.byNids([...nids].filter((nid) => !this.#idOfNid.has(nid)))).values())
      this.#add(event);
  }

  /** Loads what was asked for in vain; false where that was nothing. */
  async loadWanted(): Promise<boolean> {
    if (this.#wantedNids.size === 0 && this.#wantedIds.size === 0) return false;
    const [nids, ids] = [[...this.#wantedNids], [...this.#wantedIds]];
    this.#wantedNids.clear();
    this.#wantedIds.clear();
    await this.load(nids);
    for (const event of (await this.#events.byIds(ids)).values()) this.#add(event);
    for (const nid of nids) if (!this.#idOfNid.has(nid)) this.#idOfNid.set(nid, `${unloaded}${nid}` as EventId);
    for (const eventId of ids) if (!this.#byId.has(eventId)) this.#absent.add(eventId);
    return true;
  }

  #add(event: StoredEvent): void {
    if (this.#byId.has(event.eventId)) return;
    this.#idOfNid.set(event.nid, event.eventId);
    this.#stored.set(event.eventId, event);
    this.#byId.set(event.eventId, this.#asRoomEvent(event));
  }

  /** The rules read references of few events only: they are looked up when somebody asks. */
  #asRoomEvent(event: StoredEvent): RoomEvent {
    const references = (kind: 'prev' | 'auth'): EventId[] =>
      referencesOf(event.envelope, this.#rules)[kind].map((reference) => {
        if (typeof reference !== 'number') return reference;
        const known = this.#idOfNid.get(reference);
        if (known !== undefined) return known;
        this.#wantedNids.add(reference);
        return `${unloaded}${reference}` as EventId;
      });
    let prevEvents: EventId[] | undefined;
    let authEvents: EventId[] | undefined;
    const complete = (ids: EventId[]): EventId[] | undefined => (ids.some((id) => id.startsWith(unloaded)) ? undefined : ids);
    return {
      eventId: event.eventId,
      roomId: event.roomId,
      type: event.type,
      sender: event.sender,
      stateKey: event.stateKey,
      content: event.content,
      originServerTs: event.originServerTs,
      depth: event.depth,
      redacts: undefined,
      get prevEvents(): EventId[] {
        if (prevEvents) return prevEvents;
        const ids = references('prev');
        prevEvents = complete(ids);
        return ids;
      },
      get authEvents(): EventId[] {
        if (authEvents) return authEvents;
        const ids = references('auth');
        authEvents = complete(ids);
        return ids;
      },
    };
  }
}

/** Begins what stands for the id of an event that is not loaded yet; no id begins like it. */
const unloaded = '#';
