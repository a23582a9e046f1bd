import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alice, bob, carol, dave, friendsInARoom, joinRule, levels, membership, topic } from './testing/room-dag.ts';
import type { RoomDag } from './testing/room-dag.ts';

// https://github.com/matrix-org/matrix-spec-proposals/pull/4297: states that a server was told wrong, with something old in them.

/** Problem A: Alice closes the room and leaves; one server is told a state in which the room is still public. */
function aliceClosesTheRoomAndLeaves(version: string): RoomDag {
  const room = friendsInARoom(version, { [bob]: 0 });
  room.send(joinRule('closed', alice, 'invite'), 'dave');
  room.send(membership('alice-leaves', alice, 'leave'), 'closed');
  room.send(membership('bob-renamed', bob, 'join'), 'alice-leaves');
  room.send(membership('carol-renamed', carol, 'join'), 'alice-leaves');
  return room;
}
const wrongA = ['create', 'levels', 'public', 'alice-leaves', 'bob', 'carol-renamed', 'dave'];

test('Problem A in version 2: the room loses its join rule, since Alice, who set it, is gone', () => {
  const room = aliceClosesTheRoomAndLeaves('11');
  const state = room.resolve('bob-renamed', room.claimed(...wrongA));
  assert.equal(state['join_rules'], undefined);
});

test('Problem A in version 2.1: replayed on what Alice was, the join rule stands', () => {
  const room = aliceClosesTheRoomAndLeaves('12');
  const state = room.resolve('bob-renamed', room.claimed(...wrongA));
  assert.equal(state['join_rules'], 'closed');
  assert.equal(state[`member ${alice}`], 'alice-leaves');
  assert.equal(state[`member ${bob}`], 'bob-renamed');
  assert.equal(state[`member ${carol}`], 'carol-renamed');
});

/** Problem B: Alice raises Bob, Bob raises Carol; one server is told a state from before both. */
function bobRaisesCarol(version: string): RoomDag {
  const old = version === '12' ? {} : { [alice]: 100 };
  const room = friendsInARoom(version, {});
  room.send(levels('bob-raised', alice, { ...old, [bob]: 50 }), 'dave');
  room.send(levels('carol-raised', bob, { ...old, [bob]: 50, [carol]: 50 }), 'bob-raised');
  room.send(membership('dave-renamed', dave, 'join'), 'carol-raised');
  room.send(topic('carols-topic', carol), 'carol-raised');
  return room;
}
const wrongB = ['create', 'alice', 'levels', 'public', 'bob', 'carol', 'dave-renamed'];

test('Problem B in version 2: what made Bob a moderator is not replayed, and Carol falls with him', () => {
  const room = bobRaisesCarol('11');
  const state = room.resolve('carols-topic', room.claimed(...wrongB));
  assert.equal(state['power_levels'], 'levels');
  assert.equal(state['topic'], undefined);
});

test('Problem B in version 2.1: what lies between conflicting events is replayed as well', () => {
  const room = bobRaisesCarol('12');
  const state = room.resolve('carols-topic', room.claimed(...wrongB));
  assert.equal(state['power_levels'], 'carol-raised');
  assert.equal(state['topic'], 'carols-topic');
});

test('An old ban that a server was told lately does not come back in version 2.1', () => {
  const room = friendsInARoom('12');
  room.send(membership('ban', bob, 'ban', dave), 'dave');
  room.send(membership('unban', bob, 'leave', dave), 'ban');
  room.send(membership('dave-back', dave, 'join'), 'unban');
  room.send(topic('topic', carol), 'dave-back');
  const state = room.resolve('topic', room.claimed('create', 'alice', 'levels', 'public', 'bob', 'carol', 'ban'));
  assert.equal(state[`member ${dave}`], 'dave-back');
});
