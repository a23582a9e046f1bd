import assert from 'node:assert/strict';

import { authorise, lookupAmong, selectAuthEvents } from '../../auth-rules/index.ts';
import type { Verdict } from '../../auth-rules/index.ts';
import type { JsonObject, RoomEvent } from '../../events/pdu.ts';
import type { EventId, RoomId, UserId } from '../../identifiers/index.ts';
import { roomVersionRules } from '../../room-versions/index.ts';
import type { RoomVersionRules } from '../../room-versions/index.ts';
import type { ResolutionFacts } from '../event-reader.ts';
import { resolveStates } from '../resolve.ts';
import { splitStateMapKey, stateMapKey } from '../state-map.ts';
import type { StateMap } from '../state-map.ts';

export const alice = '@alice:a.example';
export const bob = '@bob:b.example';
export const carol = '@carol:c.example';
export const dave = '@dave:d.example';
export const mallory = '@mallory:m.example';

/** A state event to send. Everything after the content is for stories in which a server does not play by the rules. */
export interface Sending {
  /** The readable id, without `$`. */
  id: string;
  type: string;
  sender: string;
  stateKey?: string;
  content?: JsonObject;
  /** Milliseconds; one more than the last event's unless told. */
  at?: number;
  depth?: number;
  /** The ids of the auth events, without `$`, instead of those that the state before the event offers. */
  auth?: string[];
}

/**
 * A room as a graph of events with made-up ids. It keeps the state after each event the way a server does: by resolving the
 * states after the events before it.
 */
export interface RoomDag {
  readonly rules: RoomVersionRules;
  readonly facts: ResolutionFacts;
  readonly events: Map<EventId, RoomEvent>;
  event(id: string): RoomEvent;
  /** Sends after the named events, which must allow it, and gives the new event's name back. */
  send(sending: Sending, ...after: string[]): string;
  /** Puts an event into the room that the state there does not allow. */
  forge(sending: Sending, ...after: string[]): string;
  /** Sends where the room allows it; false where it does not. */
  attempt(sending: Sending, ...after: string[]): boolean;
  reject(id: string): void;
  /** The state after an event. */
  after(id: string): StateMap;
  /** A state of these events, which nobody computed: what a server that was told nonsense takes the state for. */
  claimed(...ids: string[]): StateMap;
  resolve(...states: (StateMap | string)[]): Record<string, string>;
}

export function roomDag(version: string, facts: Partial<ResolutionFacts> = {}): RoomDag {
  const rules = roomVersionRules(version);
  assert.ok(rules);
  const events = new Map<EventId, RoomEvent>();
  const states = new Map<string, StateMap>();
  const rejected = new Set<EventId>();
  const all: ResolutionFacts = {
    event: (id) => events.get(id),
    isRejected: (id) => rejected.has(id),
    auth: {},
    ...facts,
  };
  const id = (name: string) => `$${name}` as EventId;
  const resolveAll = (given: (StateMap | string)[]) => {
    const { state, missing } = resolveStates(
      given.map((one) => (typeof one === 'string' ? dag.after(one) : one)),
      rules,
      all,
    );
    assert.deepEqual([...missing], []);
    return state;
  };
  let clock = 0;

  const place = (sending: Sending, prev: string[]): Verdict => {
    const before: StateMap = prev.length === 1 ? dag.after(prev[0] ?? '') : prev.length === 0 ? new Map() : resolveAll(prev);
    const stateKey = sending.stateKey ?? '';
    const content = sending.content ?? {};
    const shape = { type: sending.type, sender: sending.sender, stateKey, content };
    const selected = selectAuthEvents(shape, rules).map(([type, key]) => before.get(stateMapKey(type, key)));
    const event: RoomEvent = {
      ...shape,
      eventId: id(sending.id),
      roomId: (rules.roomIdIsCreateEventHash ? '!create' : '!room:a.example') as RoomId,
      sender: sending.sender as UserId,
      originServerTs: sending.at ?? ++clock,
      depth: sending.depth ?? Math.max(0, ...prev.map((name) => events.get(id(name))?.depth ?? 0)) + 1,
      prevEvents: prev.map(id),
      authEvents: sending.auth?.map(id) ?? selected.filter((authEvent) => authEvent !== undefined),
      redacts: undefined,
    };
    clock = Math.max(clock, event.originServerTs);
    assert.ok(!events.has(event.eventId), `there are two ${sending.id}`);
    const state = lookupAmong([...before.values()].map((eventId) => events.get(eventId)).filter((found) => found !== undefined));
    events.set(event.eventId, event);
    states.set(sending.id, new Map(before).set(stateMapKey(event.type, stateKey), event.eventId));
    return authorise(event, rules, state, all.auth);
  };

  const dag: RoomDag = {
    rules,
    facts: all,
    events,
    event(name) {
      const event = events.get(id(name));
      assert.ok(event, `there is no ${name}`);
      return event;
    },
    send(sending, ...after) {
      assert.deepEqual(place(sending, after), { allowed: true }, sending.id);
      return sending.id;
    },
    forge(sending, ...after) {
      assert.equal(place(sending, after).allowed, false, sending.id);
      return sending.id;
    },
    attempt(sending, ...after) {
      if (place(sending, after).allowed) return true;
      events.delete(id(sending.id));
      states.delete(sending.id);
      return false;
    },
    reject: (name) => rejected.add(id(name)),
    after(name) {
      const state = states.get(name);
      assert.ok(state, `there is no ${name}`);
      return state;
    },
    claimed(...names) {
      const found = names.map(dag.event);
      return new Map(found.map((event) => [stateMapKey(event.type, event.stateKey ?? ''), event.eventId]));
    },
    resolve: (...given) => readable(resolveAll(given)),
  };
  return dag;
}

/** A state as a person reads it: `power_levels` → `levels-2`, `member @bob:b.example` → `bob`. */
export function readable(state: StateMap): Record<string, string> {
  const entries = [...state].map(([key, eventId]): [string, string] => {
    const [type, stateKey] = splitStateMapKey(key);
    return [`${type.replace('m.room.', '')} ${stateKey}`.trim(), eventId.slice(1)];
  });
  return Object.fromEntries(entries.sort(([x], [y]) => (x < y ? -1 : 1)));
}

export const membership = (id: string, sender: string, to: string, of = sender): Sending => {
  return { id, type: 'm.room.member', sender, stateKey: of, content: { membership: to } };
};
export const levels = (id: string, sender: string, users: JsonObject, more: JsonObject = {}): Sending => {
  return { id, type: 'm.room.power_levels', sender, content: { users, ...more } };
};
export const joinRule = (id: string, sender: string, rule: string): Sending => {
  return { id, type: 'm.room.join_rules', sender, content: { join_rule: rule } };
};
export const topic = (id: string, sender: string, text = id): Sending => {
  return { id, type: 'm.room.topic', sender, content: { topic: text } };
};

/**
 * Alice's public room, in which Bob (100), Carol (50) and Dave (0) have joined. Up to version 11 Alice has 100.
 * @returns the room and its last event, `dave`
 */
export function friendsInARoom(
  version: string,
  users: JsonObject = { [bob]: 100, [carol]: 50 },
  create: JsonObject = {},
): RoomDag {
  const dag = roomDag(version);
  const old = !dag.rules.creatorIsCreateSender;
  dag.send({
    id: 'create',
    type: 'm.room.create',
    sender: alice,
    content: { room_version: version, ...(old && { creator: alice }), ...create },
  });
  dag.send(membership('alice', alice, 'join'), 'create');
  dag.send(levels('levels', alice, dag.rules.privilegedCreators ? users : { [alice]: 100, ...users }), 'alice');
  dag.send(joinRule('public', alice, 'public'), 'levels');
  dag.send(membership('bob', bob, 'join'), 'public');
  dag.send(membership('carol', carol, 'join'), 'bob');
  dag.send(membership('dave', dave, 'join'), 'carol');
  return dag;
}
