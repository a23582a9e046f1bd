import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject, RoomEvent } from '../events/pdu.ts';
import type { EventId, RoomId, UserId } from '../identifiers/index.ts';
import { roomVersionRules } from '../room-versions/index.ts';
import type { ResolutionFacts } from './event-reader.ts';
import { resolveConflicts, resolveStates } from './resolve.ts';
import { splitStateMapKey, stateMapKey } from './state-map.ts';
import { alice, bob, carol, friendsInARoom, membership, readable, topic } from './testing/room-dag.ts';

const rulesOf = (version: string) => {
  const rules = roomVersionRules(version);
  assert.ok(rules);
  return rules;
};

function levelsEvent(eventId: string, auth: string[], content: JsonObject = {}, at = 1): RoomEvent {
  return {
    eventId: eventId as EventId,
    roomId: '!room:a.example' as RoomId,
    type: 'm.room.power_levels',
    sender: alice as UserId,
    stateKey: '',
    content,
    originServerTs: at,
    depth: at,
    prevEvents: ['$before' as EventId],
    authEvents: auth as EventId[],
    redacts: undefined,
  };
}

const factsOf = (events: Iterable<RoomEvent>): ResolutionFacts => {
  const byId = new Map(Array.from(events, (event) => [event.eventId, event]));
  return { event: (id) => byId.get(id), isRejected: () => false, auth: {} };
};
const key = stateMapKey('m.room.power_levels', '');

for (const version of ['2', '11', '12']) {
  test(`Twenty thousand changes of the power levels in a row (version ${version})`, () => {
    const room = friendsInARoom(version);
    const roomId = room.event('dave').roomId;
    const chain = Array.from({ length: 20_000 }, (_, at) => {
      const before = at === 0 ? '$levels' : `$level-${at - 1}`;
      const auth = [...(version === '12' ? [] : ['$create']), '$alice', before];
      return { ...levelsEvent(`$level-${at}`, auth, room.event('levels').content, 100 + at), roomId };
    });
    const facts = factsOf([...room.events.values(), ...chain]);
    const early = new Map(room.after('dave')).set(key, '$level-0' as EventId);
    const late = new Map(room.after('dave')).set(key, '$level-19999' as EventId);
    const { state, missing } = resolveStates([early, late], room.rules, facts);
    assert.equal(state.get(key), '$level-19999');
    assert.equal(missing.size, 0);
  });
}

for (const version of ['1', '2']) {
  test(`Events that authorise each other in a circle come to an end (version ${version})`, () => {
    const room = friendsInARoom(version);
    const usual = room.event('levels').content;
    const circle = [
      levelsEvent('$one:m.example', ['$create', '$alice', '$three:m.example'], usual, 1),
      levelsEvent('$two:m.example', ['$create', '$alice', '$one:m.example'], usual, 2),
      levelsEvent('$three:m.example', ['$create', '$alice', '$two:m.example', '$three:m.example'], usual, 3),
    ];
    const facts = factsOf([...room.events.values(), ...circle]);
    const states = circle.map((event) => new Map(room.after('dave')).set(key, event.eventId));
    const { state } = resolveStates(states, room.rules, facts);
    assert.deepEqual(readable(resolveStates(states.toReversed(), room.rules, facts).state), readable(state));
    assert.ok(circle.some((event) => event.eventId === state.get(key)));
  });
}

test('Events that are not there are named', () => {
  for (const version of ['1', '2', '12']) {
    const room = friendsInARoom(version);
    room.send(topic('topic', carol), 'dave');
    room.send(topic('other', carol), 'dave');
    const facts: ResolutionFacts = { ...room.facts, event: (id) => (id === '$other' ? undefined : room.facts.event(id)) };
    const { state, missing } = resolveStates([room.after('topic'), room.after('other')], room.rules, facts);
    assert.deepEqual([...missing], ['$other']);
    assert.equal(state.get(stateMapKey('m.room.topic', '')), '$topic');
  }
});

test('A conflict costs what conflicts, not what the room holds', () => {
  const room = friendsInARoom('12');
  room.send(topic('topic', carol), 'dave');
  room.send(membership('ban-carol', bob, 'ban', carol), 'dave');
  const read = new Set<string>();
  const asked = new Set<string>();
  const facts: ResolutionFacts = {
    ...room.facts,
    event(id) {
      read.add(id);
      return room.facts.event(id);
    },
  };
  const { changes } = resolveConflicts(
    {
      unconflicted(wanted) {
        asked.add(splitStateMapKey(wanted)[0]);
        return room.after('dave').get(wanted);
      },
      conflicted: new Map([[stateMapKey('m.room.topic', ''), new Set(['$topic' as EventId])]]),
      authDifference: new Set(),
      conflictedSubgraph: new Set(['$topic' as EventId]),
    },
    room.rules,
    facts,
  );
  assert.deepEqual([...changes.values()], ['$topic']);
  assert.deepEqual([...read].sort(), ['$alice', '$carol', '$create', '$levels', '$topic'], 'what the topic rests on');
  assert.deepEqual([...asked], ['m.room.topic']);
});

test('Messages and events of nobody’s state in a forged auth chain are passed over', () => {
  const room = friendsInARoom('2');
  const message = { ...levelsEvent('$message', ['$create']), type: 'm.room.message', stateKey: undefined };
  const facts = factsOf([...room.events.values(), message]);
  const conflicts = {
    unconflicted: () => undefined,
    conflicted: new Map(),
    authDifference: new Set(['$message' as EventId]),
    conflictedSubgraph: new Set<EventId>(),
  };
  assert.deepEqual([...resolveConflicts(conflicts, rulesOf('2'), facts).changes], []);
});

test('No states make an empty state', () => {
  for (const version of ['1', '2', '12']) assert.equal(resolveStates([], rulesOf(version), factsOf([])).state.size, 0);
});

test('A key is one pair, whatever strangers put into it', () => {
  const pairs: [string, string][] = [
    ['', ''],
    ['a', 'b'],
    ['ab', ''],
    ['', 'ab'],
    ['1:a', 'b'],
    ['1', ':ab'],
    ['a\0', 'b'],
    ['a', '\0b'],
    ['m.room.member', alice],
    ['😀', '\ud800'],
  ];
  assert.equal(new Set(pairs.map((pair) => stateMapKey(...pair))).size, pairs.length);
  for (const pair of pairs) assert.deepEqual(splitStateMapKey(stateMapKey(...pair)), pair);
});
