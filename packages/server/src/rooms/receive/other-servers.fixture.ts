import assert from 'node:assert/strict';

import { authorise, lookupAmong, selectAuthEvents } from '@myelin/protocol/auth-rules';
import {
  buildPdu,
  depthAfter,
  eventIdOf,
  hashAndSignPdu,
  referenceHash,
  roomEventFromPdu,
  roomIdOfCreate,
  signPdu,
  verifyPdu,
  type EventReference,
  type JsonObject,
  type Pdu,
  type RoomEvent,
} from '@myelin/protocol/events';
import { domainOf, type EventId, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey, verifyText, type SigningKey } from '@myelin/protocol/signatures';
import { resolveStates, stateMapKey, type StateMap } from '@myelin/protocol/state-resolution';

import type { RawPdu, RemoteEvents, SignatureAnswer, SignatureQuestion, SignatureVerifier, StatePiece } from './remote-events.ts';

/** An event to send in the name of any server. */
export interface Sending {
  readonly type: string;
  readonly sender: string;
  readonly stateKey?: string | undefined;
  readonly content?: JsonObject;
  readonly redacts?: EventId;
  readonly depth?: number;
  readonly at?: number;
  /** The auth events instead of those that the state before offers. */
  readonly auth?: readonly EventId[];
}

interface SentEvent {
  readonly pdu: Pdu;
  readonly event: RoomEvent;
  readonly before: StateMap;
  readonly after: StateMap;
}

/**
 * A room as all its servers together have it: events signed by whoever sends them, states worked out by the protocol's own resolution
 * of whole states. It answers as any of the servers, as far as it is told to.
 */
export class OtherServers implements RemoteEvents, SignatureVerifier {
  readonly rules: RoomVersionRules;
  readonly events = new Map<EventId, SentEvent>();
  /** Events that the servers do not give. */
  readonly hidden = new Set<EventId>();
  readonly unreachable = new Set<string>();
  /** Servers that break off when they have given so many events of a state. */
  readonly breakOffAfter = new Map<string, number>();
  /** The events whose signatures were verified, by what was signed. */
  readonly verified: string[] = [];
  /** Nobody gives a state before this resolves. */
  statesHeldBack: Promise<void> | undefined;
  readonly requests: string[] = [];
  roomId = '!room:far.example' as RoomId;
  #clock = 1_000;
  #assigned = 0;
  readonly #keys = new Map<string, SigningKey>();
  readonly #create: EventId;

  constructor(version: string, creator = '@ann:far.example') {
    const rules = roomVersionRules(version);
    assert.ok(rules);
    this.rules = rules;
    const withCreator = rules.creatorIsCreateSender ? {} : { creator };
    const content = { room_version: version, ...withCreator };
    this.#create = this.send({ type: 'm.room.create', sender: creator, stateKey: '', content }, []);
    if (rules.roomIdIsCreateEventHash) this.roomId = roomIdOfCreate(this.#create);
  }

  get create(): EventId {
    return this.#create;
  }

  /** Sends after some events, which must allow it; gives the new event's id. */
  send(sending: Sending, after: readonly EventId[]): EventId {
    const eventId = this.forge(sending, after);
    const sent = this.sent(eventId);
    const verdict = authorise(sent.event, this.rules, this.#lookup(sent.before), { isSignedBy: () => true });
    assert.deepEqual(verdict, { allowed: true }, `${sending.type} by ${sending.sender}`);
    return eventId;
  }

  /** Sends where the room lets it. */
  attempt(sending: Sending, after: readonly EventId[]): EventId | undefined {
    const eventId = this.forge(sending, after);
    const sent = this.sent(eventId);
    if (authorise(sent.event, this.rules, this.#lookup(sent.before), { isSignedBy: () => true }).allowed) return eventId;
    this.events.delete(eventId);
    return undefined;
  }

  /** Sends whatever the room says. */
  forge(sending: Sending, prev: readonly EventId[]): EventId {
    const { rules } = this;
    const { type, sender, stateKey, content = {} } = sending;
    const before = this.#stateAfterAll(prev);
    const selected = selectAuthEvents({ type, sender, stateKey, content }, rules).flatMap(([authType, key]) => {
      return before.get(stateMapKey(authType, key)) ?? [];
    });
    const server = domainOf(sender as UserId);
    const isCreate = type === 'm.room.create';
    const unsigned = buildPdu(
      {
        type,
        sender: sender as UserId,
        roomId: isCreate && rules.roomIdIsCreateEventHash ? undefined : this.roomId,
        stateKey,
        content,
        prevEvents: this.#references(prev),
        authEvents: this.#references(sending.auth ?? selected),
        depth: sending.depth ?? depthAfter(prev.map((eventId) => this.events.get(eventId)?.event.depth ?? 0)),
        originServerTs: sending.at ?? ++this.#clock,
        redacts: sending.redacts,
        eventId: rules.eventIds === 'assigned' ? (`$e${++this.#assigned}:${server}` as EventId) : undefined,
      },
      rules,
    );
    const pdu = hashAndSignPdu(unsigned, server, this.keyOf(server), rules);
    const eventId = eventIdOf(pdu, rules);
    const event = roomEventFromPdu(pdu, rules, eventId);
    const after = stateKey === undefined ? before : new Map(before).set(stateMapKey(type, stateKey), eventId);
    this.events.set(eventId, { pdu, event, before, after });
    return eventId;
  }

  sent(eventId: EventId): SentEvent {
    const sent = this.events.get(eventId);
    assert.ok(sent, `there is no ${eventId}`);
    return sent;
  }

  pdu(eventId: EventId): Pdu {
    return this.sent(eventId).pdu;
  }

  /** The same event with something about it changed after it was hashed, and signed again. */
  tampered(eventId: EventId, changes: Partial<Pdu>): Pdu {
    const pdu = { ...this.pdu(eventId), ...changes };
    const server = domainOf(pdu.sender);
    return signPdu(pdu, server, this.keyOf(server), this.rules);
  }

  keyOf(server: string): SigningKey {
    let key = this.#keys.get(server);
    if (!key) {
      key = generateSigningKey(new Uint8Array(32).fill(this.#keys.size + 1));
      this.#keys.set(server, key);
    }
    return key;
  }

  /** The state that servers have which know these events as the last ones. */
  stateOf(extremities: readonly EventId[]): StateMap {
    return this.#stateAfterAll(extremities);
  }

  verify(questions: readonly SignatureQuestion[]): Promise<SignatureAnswer[]> {
    return Promise.resolve(
      questions.map(({ server, text, signatures }): SignatureAnswer => {
        this.verified.push(text);
        const { keyId, publicKey } = this.keyOf(server);
        const signature = signatures[keyId];
        const valid = signature !== undefined && verifyText(text, signature, publicKey);
        return valid ? { valid } : { valid, reason: `${server} has not signed this`, temporary: false };
      }),
    );
  }

  async event(server: ServerName, eventId: EventId): Promise<RawPdu> {
    await this.#ask(server, `event ${eventId}`);
    return this.hidden.has(eventId) ? undefined : this.events.get(eventId)?.pdu;
  }

  async missingEvents(
    server: ServerName,
    _room: RoomId,
    gap: { readonly earliest: readonly EventId[]; readonly latest: readonly EventId[]; readonly limit: number },
  ): Promise<RawPdu[]> {
    await this.#ask(server, 'missing events');
    const seen = new Set<EventId>([...gap.earliest, ...gap.latest]);
    const found: EventId[] = [];
    let waiting = gap.latest.flatMap((eventId) => this.events.get(eventId)?.event.prevEvents ?? []);
    while (waiting.length > 0 && found.length < gap.limit) {
      const next = waiting.filter((eventId) => !seen.has(eventId) && !this.hidden.has(eventId) && this.events.has(eventId));
      for (const eventId of next) seen.add(eventId);
      found.push(...new Set(next));
      waiting = next.flatMap((eventId) => this.sent(eventId).event.prevEvents);
    }
    return found.slice(0, gap.limit).map((eventId) => this.pdu(eventId));
  }

  async stateIds(server: ServerName, _room: RoomId, eventId: EventId) {
    await this.#ask(server, `state ids ${eventId}`);
    await this.statesHeldBack;
    const sent = this.hidden.has(eventId) ? undefined : this.events.get(eventId);
    return sent && { stateIds: [...sent.before.values()], authChainIds: this.authChain(sent.before.values()) };
  }

  async state(server: ServerName, room: RoomId, eventId: EventId) {
    await this.#ask(server, `state ${eventId}`);
    await this.statesHeldBack;
    const ids = await this.stateIds(server, room, eventId);
    const breakOff = this.breakOffAfter.get(server);
    if (ids && breakOff !== undefined) return this.#brokenOff(ids.stateIds.slice(0, breakOff));
    return ids && this.given(ids.stateIds);
  }

  async backfill(server: ServerName, _room: RoomId, from: readonly EventId[], limit: number): Promise<RawPdu[]> {
    await this.#ask(server, 'backfill');
    const found = new Set<EventId>();
    let waiting = [...from];
    while (waiting.length > 0 && found.size < limit) {
      for (const eventId of waiting) if (this.events.has(eventId) && !this.hidden.has(eventId)) found.add(eventId);
      waiting = waiting.flatMap((eventId) => this.events.get(eventId)?.event.prevEvents ?? []);
    }
    return [...found].slice(0, limit).map((eventId) => this.pdu(eventId));
  }

  async eventAuth(server: ServerName, _room: RoomId, eventId: EventId): Promise<RawPdu[] | undefined> {
    await this.#ask(server, `event auth ${eventId}`);
    const sent = this.events.get(eventId);
    if (!sent || this.hidden.has(eventId)) return undefined;
    return this.authChain(sent.event.authEvents)
      .filter((id) => !this.hidden.has(id))
      .map((id) => this.pdu(id));
  }

  /** A state as servers give it. */
  given(stateIds: Iterable<EventId>): StatePiece[] {
    const events = Array.from(stateIds, (eventId) => this.pdu(eventId));
    const chain = this.authChain(stateIds).map((eventId) => this.pdu(eventId));
    return [
      { inState: true, events },
      { inState: false, events: chain },
    ];
  }

  *#brokenOff(stateIds: readonly EventId[]): Generator<StatePiece> {
    yield* this.given(stateIds).toReversed();
    throw new Error('the connection is gone');
  }

  /** Some events and all that they rest on. */
  authChain(from: Iterable<EventId>): EventId[] {
    const chain = new Set<EventId>();
    const waiting = [...from];
    for (let eventId = waiting.pop(); eventId !== undefined; eventId = waiting.pop()) {
      if (chain.has(eventId)) continue;
      chain.add(eventId);
      waiting.push(...this.sent(eventId).event.authEvents);
    }
    return [...chain];
  }

  #ask(server: ServerName, what: string): Promise<void> {
    this.requests.push(what);
    return this.unreachable.has(server) ? Promise.reject(new Error(`${server} is down`)) : Promise.resolve();
  }

  #references(eventIds: readonly EventId[]): EventReference[] {
    return eventIds.map((eventId) => {
      const known = this.events.get(eventId);
      return { eventId, sha256: known ? referenceHash(known.pdu, this.rules) : 'bm9uZQ' };
    });
  }

  #stateAfterAll(eventIds: readonly EventId[]): StateMap {
    const states = eventIds.flatMap((eventId) => this.events.get(eventId)?.after ?? []);
    const [only] = states;
    if (states.length <= 1) return only ?? new Map();
    const { state, missing } = resolveStates(states, this.rules, {
      event: (eventId) => this.events.get(eventId)?.event,
      isRejected: () => false,
      auth: { isSignedBy: () => true },
    });
    assert.deepEqual([...missing], []);
    return state;
  }

  #lookup(state: StateMap) {
    return lookupAmong([...state.values()].map((eventId) => this.sent(eventId).event));
  }
}

export const membership = (user: string, to: string, by = user): Sending => ({
  type: 'm.room.member',
  sender: by,
  stateKey: user,
  content: { membership: to },
});
export const topic = (sender: string, text: string): Sending => ({
  type: 'm.room.topic',
  sender,
  stateKey: '',
  content: { topic: text },
});
export const says = (sender: string, body: string): Sending => ({
  type: 'm.room.message',
  sender,
  content: { msgtype: 'm.text', body },
});
export const levels = (sender: string, users: JsonObject, more: JsonObject = {}): Sending => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content: { users, ...more },
});
export const joinRule = (sender: string, rule: string): Sending => ({
  type: 'm.room.join_rules',
  sender,
  stateKey: '',
  content: { join_rule: rule },
});

/** Whether a signature is really what it says; so that the fixture's own verifier is not believed blindly. */
export function isSignedBy(servers: OtherServers, pdu: Pdu, server: string): boolean {
  const { keyId, publicKey } = servers.keyOf(server);
  return verifyPdu(pdu, server as ServerName, keyId, publicKey, servers.rules);
}
