import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../events/pdu.ts';
import { effectivePowerLevels, powerLevelOf, requiredPowerLevel } from './levels/effective-power-levels.ts';
import { readLevel } from './levels/level-value.ts';
import { lookupAmong } from './state-lookup.ts';
import { alice, bob, carol, dave, rulesOf, stateIn, tell, versions } from './testing/room-story.ts';
import type { Attempt, Room } from './testing/room-story.ts';

const set = (sender: string, content: JsonObject): Attempt => ({ type: 'm.room.power_levels', sender, stateKey: '', content });
/** Bob, at 50, may change the power levels. */
const open = { state_default: 50, users: { [bob]: 50, [carol]: 20 } };
const room: Room = { levels: open };

// The shape of the content
// prettier-ignore
tell([
  { says: 'Alice sets the first power levels', in: '1-11', room: { levels: null }, try: set(alice, { users: { [alice]: 100 } }), expect: 'allowed' },
  { says: 'Alice sets the first power levels', in: '12', room: { levels: null }, try: set(alice, { users: { [bob]: 50 } }), expect: 'allowed' },
  { says: 'Bob wants to be first', in: '1-12', room: { levels: null }, try: set(bob, { users: { [bob]: 100 } }), expect: /needs power level 50/ },
  { says: 'No user is named', in: '1-12', room: { levels: null }, try: set(alice, {}), expect: 'allowed' },
  { says: 'The users are null', in: '1-12', room: { levels: null }, try: set(alice, { users: null }), expect: /users is not an object/ },
  { says: 'The users are a list', in: '1-12', room: { levels: null }, try: set(alice, { users: [bob] }), expect: /users is not an object/ },
  { says: 'A user has no server', in: '1-12', room: { levels: null }, try: set(alice, { users: { '@bob': 50 } }), expect: /not a user id/ },
  { says: 'A level is written out as a string', in: '1-9', room: { levels: null }, try: set(alice, { users: { [bob]: ' +0050 ' }, ban: '50' }), expect: 'allowed' },
  { says: 'A level is written out as a string', in: '10-12', room: { levels: null }, try: set(alice, { users: { [bob]: '50' } }), expect: /not an integer/ },
  { says: 'A named level is written out as a string', in: '10-12', room: { levels: null }, try: set(alice, { ban: '50' }), expect: /ban is not an integer/ },
  { says: 'A user’s level is a word', in: '1-12', room: { levels: null }, try: set(alice, { users: { [bob]: 'high' } }), expect: /not an integer/ },
  { says: 'A user’s level is a string with a point', in: '1-12', room: { levels: null }, try: set(alice, { users: { [bob]: '50.5' } }), expect: /not an integer/ },
  { says: 'A user’s level has a fraction', in: '1-5', room: { levels: null }, try: set(alice, { users: { [bob]: 50.57 } }), expect: 'allowed' },
  { says: 'A user’s level has a fraction', in: '6-12', room: { levels: null }, try: set(alice, { users: { [bob]: 50.57 } }), expect: /not an integer/ },
  { says: 'A level is beyond all numbers', in: '1-12', room: { levels: null }, try: set(alice, { users: { [bob]: Infinity } }), expect: /not an integer/ },
  { says: 'A named level is null', in: '10-12', room: { levels: null }, try: set(alice, { kick: null }), expect: /kick is not an integer/ },
  { says: 'Nobody checks the named levels of the first power levels yet', in: '1-9', room: { levels: null }, try: set(alice, { kick: null }), expect: 'allowed' },
  { says: 'The events are a list', in: '10-12', room: { levels: null }, try: set(alice, { events: [] }), expect: /events is not an object/ },
  { says: 'An event’s level is a string', in: '10-12', room: { levels: null }, try: set(alice, { events: { 'm.room.name': '50' } }), expect: /m\.room\.name in events is not/ },
  { says: 'A notification’s level is a string', in: '10-12', room: { levels: null }, try: set(alice, { notifications: { room: '50' } }), expect: /room in notifications is not/ },
  { says: 'Alice names herself, who created the room', in: '12', room: { levels: null }, try: set(alice, { users: { [alice]: 100 } }), expect: /@alice:a\.example, who created/ },
  { says: 'Alice names Bob, who created the room with her', in: '12', room: { levels: null, create: { additional_creators: [bob] } }, try: set(alice, { users: { [bob]: 1 } }), expect: /@bob:b\.example, who created/ },
  { says: 'Something unreadable takes the place of a level', in: '1-9', room, try: set(bob, { ...open, kick: {} }), expect: /the new level of kick is not/ },
  { says: 'Something unreadable takes the place of the events', in: '1-9', room, try: set(bob, { ...open, events: 7 }), expect: /not an integer/ },
]);

// Named levels
// prettier-ignore
tell([
  { says: 'Carol, below the level of state events', in: '1-12', room, try: set(carol, open), expect: /needs power level 50/ },
  { says: 'Bob changes nothing', in: '1-12', room, try: set(bob, open), expect: 'allowed' },
  { says: 'Bob lowers what he can reach', in: '1-12', room: { levels: { ...open, ban: 50 } }, try: set(bob, { ...open, ban: 20 }), expect: 'allowed' },
  { says: 'Bob lowers a level above him', in: '1-12', room: { levels: { ...open, ban: 60 } }, try: set(bob, { ...open, ban: 20 }), expect: /ban is at 60/ },
  { says: 'Bob removes a level above him', in: '1-12', room: { levels: { ...open, redact: 60 } }, try: set(bob, open), expect: /redact is at 60/ },
  { says: 'Bob raises a level above him', in: '1-12', room, try: set(bob, { ...open, invite: 51 }), expect: /invite is set to 51/ },
  { says: 'Bob raises everybody above himself', in: '1-12', room, try: set(bob, { ...open, users_default: 60 }), expect: /users_default is set to 60/ },
  { says: 'Bob leaves a level above him as it is', in: '1-12', room: { levels: { ...open, kick: 90 } }, try: set(bob, { ...open, kick: 90 }), expect: 'allowed' },
  { says: 'The same level in other letters is no change', in: '1-9', room: { levels: { ...open, kick: 90 } }, try: set(bob, { ...open, kick: '+90' }), expect: 'allowed' },
  { says: 'Alice sets a level that only she reaches', in: '12', room, try: set(alice, { ...open, ban: 9007199254740991 }), expect: 'allowed' },
]);

// Events and notifications
// prettier-ignore
tell([
  { says: 'Bob sets a level for topics', in: '1-12', room, try: set(bob, { ...open, events: { 'm.room.topic': 10 } }), expect: 'allowed' },
  { says: 'Bob sets a level for topics above his own', in: '1-12', room, try: set(bob, { ...open, events: { 'm.room.topic': 60 } }), expect: /m\.room\.topic is set to 60/ },
  { says: 'Bob lowers a level for topics above his own', in: '1-12', room: { levels: { ...open, events: { 'm.room.topic': 60 } } }, try: set(bob, { ...open, events: { 'm.room.topic': 0 } }), expect: /m\.room\.topic is at 60/ },
  { says: 'Bob drops all levels of events', in: '1-12', room: { levels: { ...open, events: { 'm.room.topic': 60 } } }, try: set(bob, open), expect: /m\.room\.topic is at 60/ },
  { says: 'Bob sets who may wake the room above his own level', in: '6-12', room, try: set(bob, { ...open, notifications: { room: 60 } }), expect: /room is set to 60/ },
  { says: 'Bob lets everybody wake the room, which was above his level', in: '6-12', room: { levels: { ...open, notifications: { room: 60 } } }, try: set(bob, { ...open, notifications: { room: 0 } }), expect: /room is at 60/ },
  { says: 'Nobody guards the notifications yet', in: '1-5', room: { levels: { ...open, notifications: { room: 60 } } }, try: set(bob, { ...open, notifications: { room: 99 } }), expect: 'allowed' },
]);

// Users
const users = (changes: JsonObject) => ({ ...open, users: { ...open.users, ...changes } });
// prettier-ignore
tell([
  { says: 'Bob raises Carol to his own level', in: '1-12', room, try: set(bob, users({ [carol]: 50 })), expect: 'allowed' },
  { says: 'Bob raises Carol above himself', in: '1-12', room, try: set(bob, users({ [carol]: 51 })), expect: /@carol:c\.example is set to 51/ },
  { says: 'Bob raises himself', in: '1-12', room, try: set(bob, users({ [bob]: 51 })), expect: /@bob:b\.example is set to 51/ },
  { says: 'Bob steps down', in: '1-12', room, try: set(bob, users({ [bob]: 0 })), expect: 'allowed' },
  { says: 'Bob takes Carol’s level', in: '1-12', room, try: set(bob, { ...open, users: { [bob]: 50 } }), expect: 'allowed' },
  { says: 'Bob lowers another moderator', in: '1-12', room: { levels: users({ [carol]: 50 }) }, try: set(bob, users({ [carol]: 0 })), expect: /not below the 50/ },
  { says: 'Bob drops somebody above him from the list', in: '1-12', room: { levels: users({ [dave]: 70 }) }, try: set(bob, open), expect: /@dave:d\.example is at 70/ },
  { says: 'Bob gives Dave a level', in: '1-12', room, try: set(bob, users({ [dave]: 30 })), expect: 'allowed' },
  { says: 'Alice lowers an administrator', in: '12', room: { levels: users({ [dave]: 9007199254740991 }) }, try: set(alice, open), expect: 'allowed' },
  { says: 'Bob lowers Alice, who stands as high as he', in: '1-11', room: { levels: users({ [alice]: 50 }) }, try: set(bob, users({ [alice]: 0 })), expect: /not below the 50/ },
]);

test('A level is read as its room version writes it', () => {
  // prettier-ignore
  const strings: [string, number | undefined][] = [['100', 100], ['000100', 100], ['+100', 100], ['-100', -100], [' 00100 ', 100], ['1e2', undefined], ['', undefined], ['+', undefined], ['- 1', undefined], ['0x10', undefined], ['1'.repeat(400), undefined]];
  for (const [text, level] of strings) {
    for (const rules of versions('1-9')) assert.equal(readLevel(text, rules), level, text);
    for (const rules of versions('10-12')) assert.equal(readLevel(text, rules), undefined, text);
  }
  for (const rules of versions('1-5')) {
    assert.equal(readLevel(51146.98, rules), 51146);
    assert.equal(readLevel(-0.5, rules) === 0, true);
  }
  for (const rules of versions('6-12')) assert.equal(readLevel(51146.98, rules), undefined);
  for (const rules of versions('1-12')) {
    assert.equal(readLevel(true, rules), undefined);
    assert.equal(readLevel(null, rules), undefined);
  }
});

test('A room without power levels knows its creator and the defaults', () => {
  for (const rules of versions('1-12')) {
    const state = lookupAmong(stateIn(rules, { levels: null }));
    assert.equal(powerLevelOf(alice, state, rules), rules.privilegedCreators ? Infinity : 100);
    assert.equal(powerLevelOf(bob, state, rules), 0);
    assert.equal(requiredPowerLevel('m.room.topic', 'state', state, rules), 50);
    assert.equal(requiredPowerLevel('m.room.message', 'message', state, rules), 0);
  }
});

test('Alice is as mighty as the power levels say, unless she is a creator of version 12', () => {
  for (const rules of versions('1-12')) {
    const state = lookupAmong(stateIn(rules, { levels: { users_default: 5 } }));
    assert.equal(powerLevelOf(alice, state, rules), rules.privilegedCreators ? Infinity : 5);
  }
});

test('Names that every JavaScript object has are neither users nor event types', () => {
  const rules = rulesOf('11');
  const levels = effectivePowerLevels(undefined, stateIn(rules, { levels: { users: {}, events: {} } })[1], rules);
  assert.equal(levels.of('constructor'), 0);
  assert.equal(levels.required('__proto__', 'message'), 0);
  assert.deepEqual([levels.invite, levels.kick, levels.ban, levels.redact], [0, 50, 50, 50]);
});
