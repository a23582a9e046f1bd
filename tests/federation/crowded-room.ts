import { eventIdOf, type Pdu } from '@myelin/protocol/events';
import type { EventId, UserId } from '@myelin/protocol/identifiers';
import type { FakeServer } from '@myelin/testing/network';

import { FakeRoom, type FakeEvent } from './fake-room.ts';

/**
 * A room with many members on two fake servers, which let others in without naming the members, and give those only when a test says so.
 */
export class CrowdedRoom extends FakeRoom {
  readonly members: UserId[] = [];
  /** Events that other servers have sent to these, by the server that heard of them. */
  readonly heard = new Map<string, Pdu[]>();
  readonly #held = Promise.withResolvers<void>();
  #isHeld = true;
  /** The state before the join of the one who came last. */
  #before: Pdu[] = [];

  constructor(server: FakeServer, other: FakeServer, size: number, version = '10') {
    super(server, version);
    this.others.push(other);
    for (let index = 0; index < size; index++) {
      const user = `@member${index}:${(index % 2 === 0 ? server : other).name}` as UserId;
      this.members.push(user);
      this.adds(this.event({ type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } }));
    }
    this.#opensOn(server);
    this.#opensOn(other);
  }

  /** From here on the servers say who is in the room. */
  tellsMembers(): void {
    this.#isHeld = false;
    this.#held.resolve();
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** The current state, as the ids of events by type and key. */
  get current(): Record<string, string> {
    const state = this.events.filter(({ pdu }) => pdu.state_key !== undefined);
    return Object.fromEntries(state.map(({ pdu, eventId }) => [`${pdu.type} ${pdu.state_key}`, eventId]));
  }

  #opensOn(server: FakeServer): void {
    const room = encodeURIComponent(this.roomId);
    server.answersUnder.set(`/_matrix/federation/v1/make_join/${room}/`, ({ url }) => {
      const user = decodeURIComponent(new URL(url ?? '', 'https://localhost').pathname.split('/').at(-1) ?? '');
      return this.template(user, 'join');
    });
    server.answersUnder.set(`/_matrix/federation/v2/send_join/${room}/`, (_request, body) => this.#takesIn(body as Pdu, server));
    server.answers.set(`/_matrix/federation/v1/state/${room}`, async () => {
      await this.#held.promise;
      return { pdus: this.#before, auth_chain: this.#before.slice(0, 4) };
    });
    server.answers.set(`/_matrix/federation/v1/state_ids/${room}`, async () => {
      await this.#held.promise;
      const ids = this.#before.map((pdu) => eventIdOf(pdu, this.rules));
      return { pdu_ids: ids, auth_chain_ids: ids.slice(0, 4) };
    });
    server.answersUnder.set(`/_matrix/federation/v1/event_auth/${room}/`, ({ url }) => {
      const eventId = decodeURIComponent(new URL(url ?? '', 'https://localhost').pathname.split('/').at(-1) ?? '') as EventId;
      return { auth_chain: this.#authChain(this.#pdu(eventId)) };
    });
    server.answersUnder.set('/_matrix/federation/v1/send/', (_request, body) => {
      const heard = this.heard.get(server.name) ?? [];
      this.heard.set(server.name, heard);
      heard.push(...((body as { pdus: Pdu[] }).pdus ?? []));
      for (const pdu of heard) this.#knows(pdu);
      return { pdus: {} };
    });
  }

  #takesIn(join: Pdu, server: FakeServer): object {
    this.#before = Object.values(this.current).map((id) => this.#pdu(id as EventId));
    this.#knows(join);
    const creator = this.#before.filter(({ type, state_key: key }) => type === 'm.room.member' && key === this.creator);
    return {
      origin: server.name,
      event: join,
      state: this.#before.filter(({ type }) => type !== 'm.room.member'),
      auth_chain: creator,
      members_omitted: true,
      servers_in_room: [this.server.name, ...this.others.map(({ name }) => name)],
    };
  }

  #authChain(pdu: Pdu): Pdu[] {
    const chain = new Set<Pdu>();
    const waiting = [pdu];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const eventId of at.auth_events as EventId[]) {
        const found = this.#pdu(eventId);
        if (chain.has(found)) continue;
        chain.add(found);
        waiting.push(found);
      }
    }
    return [...chain];
  }

  #knows(pdu: Pdu): void {
    const event: FakeEvent = { eventId: eventIdOf(pdu, this.rules), pdu };
    if (!this.events.some(({ eventId }) => eventId === event.eventId)) this.adds(event);
  }

  #pdu(eventId: EventId): Pdu {
    const event = this.events.find((one) => one.eventId === eventId);
    if (!event) throw new Error(`there is no ${eventId}`);
    return event.pdu;
  }
}
