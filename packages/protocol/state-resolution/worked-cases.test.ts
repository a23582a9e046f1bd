import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

import type { JsonObject, RoomEvent } from '../events/pdu.ts';
import type { EventId, RoomId, UserId } from '../identifiers/index.ts';
import { roomVersionRules } from '../room-versions/index.ts';
import { resolveStates } from './resolve.ts';
import { stateMapKey } from './state-map.ts';
import type { StateMap } from './state-map.ts';
import { readable } from './testing/room-dag.ts';

// Cases that other implementations share, read where they are.
const repository = resolve(import.meta.dirname, '../../..');
const folder = join(resolve(repository, process.env['MYELIN_SHARED'] ?? '../shared'), 'reference/state-resolution');

interface WorkedCase {
  pdus: {
    event_id: EventId;
    room_id?: RoomId;
    sender: UserId;
    type: string;
    state_key?: string;
    content: JsonObject;
    origin_server_ts: number;
    prev_events: EventId[];
    auth_events: EventId[];
  }[];
  states?: EventId[][];
  resolved: { type: string; state_key: string; event_id: EventId }[];
}

const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
if (files.length === 0) test('The worked cases of state resolution', { skip: `there are none in ${folder}` });
for (const file of files) {
  test(`The worked case ${file}`, () => {
    const worked = JSON.parse(readFileSync(join(folder, file), 'utf8')) as WorkedCase;
    const events = new Map(worked.pdus.map((pdu, depth): [EventId, RoomEvent] => [pdu.event_id, eventOf(pdu, depth)]));
    const version = worked.pdus[0]?.content['room_version'];
    assert.ok(typeof version === 'string');
    const rules = roomVersionRules(version);
    assert.ok(rules);
    const resolveAll = (states: StateMap[]) => {
      const { state, missing } = resolveStates(states, rules, {
        event: (id) => events.get(id),
        isRejected: () => false,
        auth: {},
      });
      assert.deepEqual([...missing], []);
      return state;
    };

    const states = worked.states?.map((ids) => new Map(ids.map((id) => keyed(events.get(id))))) ?? arriving(events, resolveAll);
    const expected = new Map(worked.resolved.map((entry) => [stateMapKey(entry.type, entry.state_key), entry.event_id]));
    assert.deepEqual(readable(resolveAll(states)), readable(expected));
    assert.deepEqual(readable(resolveAll(states.toReversed())), readable(expected));
  });
}

function eventOf(pdu: WorkedCase['pdus'][number], depth: number): RoomEvent {
  return {
    eventId: pdu.event_id,
    roomId: pdu.room_id ?? (`!${pdu.event_id.slice(1)}` as RoomId),
    type: pdu.type,
    sender: pdu.sender,
    stateKey: pdu.state_key,
    content: pdu.content,
    originServerTs: pdu.origin_server_ts,
    depth,
    prevEvents: pdu.prev_events,
    authEvents: pdu.auth_events,
    redacts: undefined,
  };
}

function keyed(event: RoomEvent | undefined) {
  assert.ok(event?.stateKey !== undefined);
  return [stateMapKey(event.type, event.stateKey), event.eventId] as const;
}

/** The states after the events that nothing follows, when the events come one after another. */
function arriving(events: ReadonlyMap<EventId, RoomEvent>, resolveAll: (states: StateMap[]) => StateMap): StateMap[] {
  const after = new Map<EventId, StateMap>();
  const extremities = new Set<EventId>();
  for (const event of events.values()) {
    const before = resolveAll(event.prevEvents.map((id) => after.get(id) ?? new Map()));
    const [key, eventId] = keyed(event);
    after.set(event.eventId, new Map(before).set(key, eventId));
    for (const id of event.prevEvents) extremities.delete(id);
    extremities.add(event.eventId);
  }
  return [...extremities].map((id) => after.get(id) ?? new Map());
}
