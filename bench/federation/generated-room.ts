import { buildPdu, eventIdOf, hashAndSignPdu, roomIdOfCreate, type JsonObject, type Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import type { FakeServer } from '@myelin/testing/network';

/** A signed event with its id. */
export interface GeneratedEvent {
  readonly eventId: EventId;
  readonly pdu: Pdu;
}

interface Draft {
  readonly type: string;
  readonly stateKey?: string;
  readonly content: JsonObject;
}

const begin = 1_700_000_000_000;

/**
 * A public room of version 12 with any number of members, spread evenly over fake servers. All of the servers let others join it and
 * give the events that others miss; its events are one chain, in which those who join take their place.
 */
export class GeneratedRoom {
  readonly roomId: RoomId;
  readonly state: Pdu[] = [];
  readonly #servers: readonly FakeServer[];
  readonly #rules: RoomVersionRules;
  readonly #events = new Map<EventId, Pdu>();
  readonly #joins = new Map<UserId, EventId>();
  readonly #authChain: Pdu[] = [];
  /** What the last who joined came upon. */
  #stateBeforeJoin: Pdu[] = [];
  readonly #powerLevels: EventId;
  readonly #joinRules: EventId;
  #last: EventId | undefined;
  #depth = 0;

  constructor(servers: readonly FakeServer[], members: number, name: string) {
    const rules = roomVersionRules('12');
    if (!rules) throw new Error('there is no room version 12');
    this.#servers = servers;
    this.#rules = rules;
    const creator = this.#member(0);
    const server = this.#serverOf(0);
    const create = this.#add(server, creator, { type: 'm.room.create', stateKey: '', content: { room_version: '12', name } }, []);
    this.roomId = roomIdOfCreate(create.eventId);
    const joins = (user: UserId): Draft => ({ type: 'm.room.member', stateKey: user, content: { membership: 'join' } });
    const first = this.#add(server, creator, joins(creator), []);
    this.#joins.set(creator, first.eventId);
    const levels = { type: 'm.room.power_levels', stateKey: '', content: {} };
    this.#powerLevels = this.#add(server, creator, levels, [first.eventId]).eventId;
    const rule = { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'public' } };
    this.#joinRules = this.#add(server, creator, rule, [this.#powerLevels, first.eventId]).eventId;
    this.#authChain.push(...this.state);
    for (let index = 1; index < members; index++) {
      const user = this.#member(index);
      const joined = this.#add(this.#serverOf(index), user, joins(user), [this.#powerLevels, this.#joinRules]);
      this.#joins.set(user, joined.eventId);
    }
    for (const each of servers) this.#opensOn(each);
  }

  /** The last of those who were there from the beginning. */
  get lastMember(): UserId {
    return [...this.#joins.keys()].at(-1) as UserId;
  }

  /** The next event of the chain: a message of the member with this index, who is on the server with the same index. */
  message(index: number, body: string): GeneratedEvent {
    const sender = this.#member(index);
    const content = { msgtype: 'm.text', body };
    const joined = this.#joins.get(sender);
    if (!joined) throw new Error(`${sender} is not in the room`);
    return this.#add(this.#serverOf(index), sender, { type: 'm.room.message', content }, [this.#powerLevels, joined]);
  }

  #member(index: number): UserId {
    return `@member${index}:${this.#serverOf(index).name}` as UserId;
  }

  #serverOf(index: number): FakeServer {
    const server = this.#servers[index % this.#servers.length];
    if (!server) throw new Error('a room needs a server');
    return server;
  }

  #add(server: FakeServer, sender: UserId, draft: Draft, authEvents: readonly EventId[]): GeneratedEvent {
    const isCreate = draft.type === 'm.room.create';
    this.#depth += 1;
    const unsigned = buildPdu(
      {
        ...draft,
        sender,
        roomId: isCreate ? undefined : this.roomId,
        prevEvents: this.#last === undefined ? [] : [{ eventId: this.#last }],
        authEvents: authEvents.map((eventId) => ({ eventId })),
        depth: this.#depth,
        originServerTs: begin + this.#depth,
      },
      this.#rules,
    );
    const pdu = hashAndSignPdu(unsigned, server.name, server.signingKey, this.#rules);
    const event = { eventId: eventIdOf(pdu, this.#rules), pdu };
    if (draft.stateKey !== undefined) this.state.push(pdu);
    this.#events.set(event.eventId, pdu);
    this.#last = event.eventId;
    return event;
  }

  #opensOn(server: FakeServer): void {
    const room = encodeURIComponent(this.roomId);
    server.answersUnder.set(`/_matrix/federation/v1/make_join/${room}/`, ({ url }) => {
      const user = decodeURIComponent(new URL(url ?? '', 'https://localhost').pathname.split('/').at(-1) ?? '');
      return { room_version: this.#rules.id, event: this.#template(user) };
    });
    server.answersUnder.set(`/_matrix/federation/v2/send_join/${room}/`, ({ url }, body) =>
      this.#takesIn(server, body as Pdu, new URL(url ?? '', 'https://localhost').searchParams.get('omit_members') === 'true'),
    );
    server.answers.set(`/_matrix/federation/v1/state/${room}`, () => ({
      auth_chain: this.#authChain,
      pdus: this.#stateBeforeJoin,
    }));
    server.answers.set(`/_matrix/federation/v1/get_missing_events/${room}`, (_request, body) => ({
      events: this.#missing(body as Gap),
    }));
  }

  #template(user: string): JsonObject {
    return {
      type: 'm.room.member',
      sender: user,
      state_key: user,
      room_id: this.roomId,
      content: { membership: 'join' },
      auth_events: [this.#powerLevels, this.#joinRules],
      prev_events: this.#last === undefined ? [] : [this.#last],
      depth: this.#depth + 1,
      origin_server_ts: begin + this.#depth,
    };
  }

  #takesIn(server: FakeServer, join: Pdu, omitsMembers: boolean): object {
    const before = [...this.state];
    this.#stateBeforeJoin = before;
    const eventId = eventIdOf(join, this.#rules);
    this.#events.set(eventId, join);
    this.state.push(join);
    this.#last = eventId;
    this.#depth += 1;
    return {
      origin: server.name,
      event: join,
      state: omitsMembers ? before.filter(({ type }) => type !== 'm.room.member') : before,
      auth_chain: this.#authChain,
      members_omitted: omitsMembers,
      ...(omitsMembers && { servers_in_room: this.#servers.map(({ name }) => name) }),
    };
  }

  /** The events before `latest` back to `earliest`, oldest first. */
  #missing({ earliest_events: earliest, latest_events: latest, limit }: Gap): Pdu[] {
    const known = new Set(earliest);
    const found: Pdu[] = [];
    let at = latest.flatMap((eventId) => this.#before(eventId));
    while (at.length > 0 && found.length < limit) {
      const [eventId, ...rest] = at;
      at = rest;
      const pdu = eventId === undefined || known.has(eventId) ? undefined : this.#events.get(eventId);
      if (eventId === undefined || !pdu) continue;
      known.add(eventId);
      found.push(pdu);
      at.push(...this.#before(eventId));
    }
    return found.reverse();
  }

  #before(eventId: EventId): EventId[] {
    return (this.#events.get(eventId)?.prev_events ?? []) as EventId[];
  }
}

/** https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid */
interface Gap {
  readonly earliest_events: readonly EventId[];
  readonly latest_events: readonly EventId[];
  readonly limit: number;
}
