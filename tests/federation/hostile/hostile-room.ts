import assert from 'node:assert/strict';

import { parseExactJson } from '@myelin/protocol/canonical-json';
import { buildPdu, eventIdOf, hashAndSignPdu, referenceHash, signPdu, type JsonObject, type Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import type { SigningKey } from '@myelin/protocol/signatures';
import { longTimelines, type HttpAnswer, type Person, type TestHomeserver, type TestHomeserverOptions } from '@myelin/testing';
import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { hive, mallory, stranger } from '../stranger.ts';

export const third = 'third.example';
/** Another user of the stranger's. */
const witness = `@ned:${stranger}` as UserId;
export const begin = 1_700_000_000_000;

/** An event and, where it is not the same, what goes over the wire: a value, or JSON as text. */
export interface Sent {
  /** Undefined for what is no event. */
  readonly eventId: EventId | undefined;
  readonly pdu: Pdu;
  readonly wire?: unknown;
}

export interface Draft {
  readonly type?: string;
  readonly sender?: string;
  readonly stateKey?: string;
  readonly content?: JsonObject;
  readonly prev?: readonly EventId[];
  readonly auth?: readonly EventId[];
  readonly redacts?: string;
  /** For the room versions in which servers name their events. */
  readonly eventId?: string;
  /** Who signs; the stranger unless given. */
  readonly by?: FakeServer;
}

type Change = Readonly<Record<string, unknown>>;

/** A homeserver, and servers beside it that sign what they like. */
export class Stage {
  readonly federation: FederatedHomeservers;
  readonly stranger: FakeServer;
  readonly third: FakeServer;
  /** It may have another by now. */
  readonly thirdsFirstKey: SigningKey;
  /** What the stranger gives to whoever asks for events. */
  readonly library = new Map<string, Pdu>();
  /** Rooms that rows share, by their version. */
  readonly #shared = new Map<string, Promise<HostileRoom>>();
  #transactions = 0;

  private constructor(federation: FederatedHomeservers, strangers: readonly [FakeServer, FakeServer]) {
    this.federation = federation;
    [this.stranger, this.third] = strangers;
    this.thirdsFirstKey = this.third.signingKey;
    this.stranger.answersUnder.set('/_matrix/federation/v1/send/', () => ({ pdus: {} }));
    this.stranger.answersUnder.set('/_matrix/federation/v1/event/', ({ url }) => {
      const pdu = this.library.get(decodeURIComponent((url ?? '').split('/').at(-1) ?? ''));
      return pdu && { origin: stranger, origin_server_ts: begin, pdus: [pdu] };
    });
  }

  static async open(options: Omit<TestHomeserverOptions, 'resolver'> = {}): Promise<Stage> {
    const federation = await startFederation([hive], options);
    const strangers = [await FakeServer.start(stranger, federation), await FakeServer.start(third, federation)] as const;
    return new Stage(federation, strangers);
  }

  async close(): Promise<void> {
    await this.stranger.stop();
    await this.third.stop();
    await this.federation.stop();
  }

  get home(): TestHomeserver {
    return this.federation.named(hive);
  }

  /** A request that the stranger proves, or who is given; `text` is the content as it goes over the wire. */
  asks(
    method: string,
    uri: string,
    content?: unknown,
    text = JSON.stringify(content),
    by: FakeServer = this.stranger,
  ): Promise<HttpAnswer> {
    const authorization = by.authorization({ method, uri, destination: hive, content });
    const body = content === undefined ? {} : { body: text };
    return this.home.request(method, uri, { headers: { authorization }, ...body });
  }

  /** A transaction of the stranger's. Strings among its events are JSON already. */
  async sends(
    { pdus = [], edus = [], ...rest }: { pdus?: readonly unknown[]; edus?: readonly unknown[]; origin?: string },
    id = `t${++this.#transactions}`,
  ): Promise<HttpAnswer> {
    const list = pdus.map((pdu) => (typeof pdu === 'string' ? pdu : JSON.stringify(pdu))).join(',');
    const text = JSON.stringify({ origin: stranger, origin_server_ts: begin, edus, ...rest }).replace(/}$/, `,"pdus":[${list}]}`);
    return this.asks('PUT', `/_matrix/federation/v1/send/${id}`, parseExactJson(text), text);
  }

  /** The room of that version in which all rows are that need none of their own. */
  sharedRoom(version: string): Promise<HostileRoom> {
    const room = this.#shared.get(version) ?? this.room(version);
    this.#shared.set(version, room);
    return room;
  }

  /** A room of Alice's that Mallory has joined. */
  async room(version: string): Promise<HostileRoom> {
    const rules = roomVersionRules(version);
    assert.ok(rules);
    const alice = await this.home.person('alice');
    const roomId = await alice.createsRoom({ room_version: version, preset: 'public_chat' });
    const { join, state } = await this.joins(roomId, mallory, rules);
    return new HostileRoom(this, { alice, roomId: roomId as RoomId, rules, state: [...state, join] });
  }

  /** One of the stranger's users joins, or one of another's. */
  async joins(
    roomId: string,
    user: UserId,
    rules: RoomVersionRules,
    by: FakeServer = this.stranger,
  ): Promise<{ join: Pdu; state: readonly Pdu[] }> {
    const path = `${encodeURIComponent(roomId)}/${encodeURIComponent(user)}?ver=${rules.id}`;
    const template = await this.asks('GET', `/_matrix/federation/v1/make_join/${path}`, undefined, undefined, by);
    assert.equal(template.status, 200, JSON.stringify(template.body));
    const { origin: _, ...unsigned } = template.body.event;
    const draft = { ...unsigned, origin_server_ts: begin };
    if (rules.eventIds === 'assigned') draft.event_id = `$join-${++this.#transactions}:${by.name}`;
    const join = hashAndSignPdu(draft, by.name, by.signingKey, rules);
    const joinId = eventIdOf(join, rules);
    const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(joinId)}`;
    const answer = await this.asks('PUT', uri, join, undefined, by);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return { join, state: answer.body.state };
  }
}

export class HostileRoom {
  readonly stage: Stage;
  readonly alice: Person;
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  /** Events by type, those of members by their user. */
  readonly ids = new Map<string, EventId>();
  /** After these Mallory's events come unless they say otherwise. */
  last: readonly EventId[];
  /** Another room, where a row needs one. */
  elsewhere: HostileRoom | undefined;
  /** Nothing comes in from the stranger any more. */
  isClosed = false;
  readonly #pdus = new Map<EventId, Pdu>();
  readonly #seen = new Map<string, any>();
  #count = 0;

  constructor(stage: Stage, parts: { alice: Person; roomId: RoomId; rules: RoomVersionRules; state: readonly Pdu[] }) {
    this.stage = stage;
    this.alice = parts.alice;
    this.roomId = parts.roomId;
    this.rules = parts.rules;
    for (const pdu of parts.state) {
      const eventId = eventIdOf(pdu, this.rules);
      this.#pdus.set(eventId, pdu);
      this.ids.set(pdu.type === 'm.room.member' ? (pdu.state_key ?? '') : pdu.type, eventId);
    }
    this.last = [this.id(mallory)];
  }

  id(key: string): EventId {
    const found = this.ids.get(key);
    assert.ok(found, key);
    return found;
  }

  /** What authorises Mallory; other auth events besides where an event needs them. */
  auth(...more: readonly string[]): EventId[] {
    const keys = ['m.room.power_levels', mallory, ...more];
    return [...(this.rules.roomIdIsCreateEventHash ? [] : ['m.room.create']), ...keys].map((key) => this.id(key));
  }

  /** An event with a signature; `change` is made before it is hashed and signed. */
  event(draft: Draft = {}, change: Change = {}): Sent & { readonly eventId: EventId } {
    const { type = 'm.room.message', sender = mallory, content = { msgtype: 'm.text', body: 'hello' } } = draft;
    const by = draft.by ?? this.stage.stranger;
    const plain = buildPdu(
      {
        type,
        sender: sender as UserId,
        roomId: this.roomId,
        stateKey: draft.stateKey,
        content,
        prevEvents: (draft.prev ?? this.last).map((id) => this.#reference(id)),
        authEvents: (draft.auth ?? this.auth()).map((id) => this.#reference(id)),
        depth: 20,
        originServerTs: begin + ++this.#count,
        redacts: draft.redacts as EventId | undefined,
        eventId: this.rules.eventIds === 'assigned' ? ((draft.eventId ?? this.newName()) as EventId) : undefined,
      },
      this.rules,
    );
    return this.signed({ ...plain, ...change } as Pdu, by);
  }

  message(body: string, change: Change = {}): Sent & { readonly eventId: EventId } {
    return this.event({ content: { msgtype: 'm.text', body } }, change);
  }

  /** Hashed and signed, with whatever numbers it has. */
  signed(unsigned: Pdu, by: FakeServer = this.stage.stranger): Sent & { readonly eventId: EventId } {
    const lenient = { ...this.rules, strictCanonicalJson: false };
    const pdu = hashAndSignPdu(unsigned, by.name, by.signingKey, lenient);
    const eventId = eventIdOf(pdu, lenient);
    this.#pdus.set(eventId, pdu);
    return { eventId, pdu };
  }

  /** Signed with whatever hash it has. */
  signedAsItIs(pdu: Pdu): Sent & { readonly eventId: EventId } {
    const { stranger: by } = this.stage;
    const signed = signPdu(pdu, by.name, by.signingKey, this.rules);
    return { eventId: eventIdOf(signed, this.rules), pdu: signed };
  }

  newName(server: string = stranger): EventId {
    return `$event-${++this.#count}-${this.roomId.slice(1, 8)}:${server}` as EventId;
  }

  /** Alice gives Mallory power, and Mallory has seen it. */
  async empowers(level: number): Promise<void> {
    const content = await this.alice.get(`/rooms/${encodeURIComponent(this.roomId)}/state/m.room.power_levels/`);
    content.users = { ...content.users, [mallory]: level };
    this.ids.set('m.room.power_levels before', this.id('m.room.power_levels'));
    const eventId = await this.alice.setsState(this.roomId, 'm.room.power_levels', content);
    await this.learns('m.room.power_levels', eventId);
    this.last = [eventId as EventId];
  }

  /** Mallory's server has got an event of Alice's. */
  async learns(key: string, eventId: string): Promise<void> {
    this.ids.set(key, eventId as EventId);
    const { status, body } = await this.stage.asks('GET', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`);
    assert.equal(status, 200, JSON.stringify(body));
    this.#pdus.set(eventId as EventId, body.pdus[0]);
  }

  /** Somebody else of Mallory's server comes in, who may speak when she may not. */
  async isWitnessed(): Promise<void> {
    const { join } = await this.stage.joins(this.roomId, witness, this.rules);
    const eventId = eventIdOf(join, this.rules);
    this.#pdus.set(eventId, join);
    this.ids.set(witness, eventId);
  }

  /** What clients have of an event, once everything before has been worked on. */
  async whatClientsSee(eventId: string): Promise<{ event: any; inTimeline: boolean }> {
    const { status, body } = await this.alice.request(
      'GET',
      `/rooms/${encodeURIComponent(this.roomId)}/event/${encodeURIComponent(eventId)}`,
    );
    return { event: status === 200 ? body : undefined, inTimeline: this.#seen.has(eventId) };
  }

  /** Resolves when Alice sees a message that came after all others. */
  async settles(): Promise<void> {
    if (this.isClosed) return;
    const sender = this.ids.has(witness) ? witness : mallory;
    const auth = [...this.auth().slice(0, -1), this.id(sender)];
    const marker = this.event({
      type: 'org.example.marker',
      content: {},
      sender,
      auth,
      prev: sender === witness ? [this.id(witness)] : this.last,
    });
    await this.stage.sends({ pdus: [marker.pdu] });
    await this.alice.syncsUntil((answer) => {
      for (const event of answer.rooms?.join?.[this.roomId]?.timeline?.events ?? []) this.#seen.set(event.event_id, event);
      return this.#seen.has(marker.eventId);
    }, longTimelines);
  }

  /** The ids of the events that Alice's syncs have brought, in their order. */
  get timeline(): readonly string[] {
    return [...this.#seen.keys()];
  }

  /** The content of a piece of the current state, as Alice has it. */
  async state(type: string, stateKey = ''): Promise<any> {
    const path = `/rooms/${encodeURIComponent(this.roomId)}/state/${type}/${encodeURIComponent(stateKey)}`;
    const { status, body } = await this.alice.request('GET', path);
    return status === 200 ? body : undefined;
  }

  #reference(eventId: EventId): { eventId: EventId; sha256?: string } {
    if (!this.rules.referencesCarryHashes) return { eventId };
    const pdu = this.#pdus.get(eventId);
    return { eventId, sha256: pdu ? referenceHash(pdu, this.rules) : 'A'.repeat(43) };
  }
}
