import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../events/pdu.ts';
import { alice, bob, carol, dave, friendsInARoom, joinRule, levels, mallory, membership, topic } from './testing/room-dag.ts';

const withV2 = ['2', '6', '11', '12'];
const all = ['1', ...withV2];

for (const version of all) {
  test(`Two people change the topic at once: the later one stands (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send(topic('early', bob), 'dave');
    room.send(topic('late', carol), 'dave');
    // Version 1 knows no time: depth is equal, so the smaller SHA-1 of the event id decides, which is that of "$late".
    assert.equal(room.resolve('early', 'late')['topic'], 'late');
    assert.deepEqual(room.resolve('late', 'early'), room.resolve('early', 'late'));
  });
}

for (const version of withV2) {
  test(`A ban against the moderator's own power level change: the mightier wins (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 50 });
    // Carol raises Dave while Bob, who stands above her, bans her.
    room.send({ ...membership('ban-carol', bob, 'ban', carol), at: 100 }, 'dave');
    room.send(
      {
        ...levels('carols-levels', carol, { ...(room.event('levels').content['users'] as JsonObject), [dave]: 50 }),
        at: 50,
      },
      'dave',
    );
    const state = room.resolve('ban-carol', 'carols-levels');
    assert.equal(state[`member ${carol}`], 'ban-carol');
    assert.equal(state['power_levels'], 'levels', 'what Carol did at the same time is undone, though her clock says earlier');
  });

  test(`A banned user goes on in her own corner of the graph (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 50 });
    room.send(membership('ban-carol', bob, 'ban', carol), 'dave');
    room.send({ ...topic('evasion-1', carol), at: 1 }, 'dave');
    room.send({ ...membership('evasion-2', carol, 'ban', dave), at: 2 }, 'evasion-1');
    const state = room.resolve('ban-carol', 'evasion-2');
    assert.equal(state[`member ${carol}`], 'ban-carol');
    assert.equal(state[`member ${dave}`], 'dave');
    assert.equal(state['topic'], undefined);
  });

  test(`Join rules under a key of their own have no power: they wait for what has (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 50 });
    const old = version === '12' ? {} : { [alice]: 100 };
    room.send({ ...joinRule('aside', bob, 'invite'), stateKey: 'aside', at: 50 }, 'dave');
    room.send({ ...levels('bob-down', bob, { ...old, [bob]: 0, [carol]: 50 }), at: 60 }, 'dave');
    const state = room.resolve('aside', 'bob-down');
    assert.equal(state['power_levels'], 'bob-down');
    assert.equal(state['join_rules aside'], undefined, 'the earlier, but not before the levels');
  });

  test(`Two administrators change the levels at once: the earlier wins (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 100 });
    const old = version === '12' ? {} : { [alice]: 100 };
    room.send({ ...levels('bobs', bob, { ...old, [bob]: 100, [carol]: 100, [dave]: 100 }), at: 50 }, 'dave');
    room.send({ ...levels('carols', carol, { ...old, [bob]: 100, [carol]: 100, [mallory]: 100 }), at: 51 }, 'dave');
    // Of equals the earlier is applied first. The later, which knows nothing of Dave, would now take his 100 away, and that an
    // equal may not.
    assert.equal(room.resolve('bobs', 'carols')['power_levels'], 'bobs');
  });

  test(`A power level war: who was demoted cannot demote back (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 50, [dave]: 50 });
    const old = version === '12' ? {} : { [alice]: 100 };
    room.send({ ...levels('carol-down', bob, { ...old, [bob]: 100, [carol]: 0, [dave]: 50 }), at: 60 }, 'dave');
    room.send(
      { ...levels('dave-guest', carol, { ...old, [bob]: 100, [carol]: 50, [dave]: 50 }, { invite: 50 }), at: 20 },
      'dave',
    );
    room.send(
      { ...levels('carol-again', carol, { ...old, [bob]: 100, [carol]: 50, [dave]: 50 }, { invite: 50, kick: 50 }), at: 21 },
      'dave-guest',
    );
    const state = room.resolve('carol-down', 'carol-again');
    assert.equal(state['power_levels'], 'carol-down');
  });

  test(`A join races against the room being closed: the room is closed first (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send(joinRule('closed', alice, 'invite'), 'dave');
    room.send(membership('mallory', mallory, 'join'), 'dave');
    const state = room.resolve('closed', 'mallory');
    assert.equal(state['join_rules'], 'closed');
    assert.equal(state[`member ${mallory}`], undefined);
  });

  test(`Two join rules race: the mightier sender's goes first, so the other's stands (version ${version})`, () => {
    const room = friendsInARoom(version, { [bob]: 100, [carol]: 50 });
    room.send({ ...joinRule('by-carol', carol, 'public'), at: 10 }, 'dave');
    room.send({ ...joinRule('by-bob', bob, 'invite'), at: 90 }, 'dave');
    assert.equal(room.resolve('by-carol', 'by-bob')['join_rules'], 'by-carol');
  });

  test(`Equal in power and time, the smaller event id goes first (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send({ ...joinRule('aaa', bob, 'invite'), at: 10 }, 'dave');
    room.send({ ...joinRule('bbb', bob, 'public'), at: 10 }, 'dave');
    assert.equal(room.resolve('aaa', 'bbb')['join_rules'], 'bbb');
  });

  test(`A kick and a rejoin on one side, a new name on the other (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send(membership('kick-dave', carol, 'leave', dave), 'dave');
    room.send(membership('dave-back', dave, 'join'), 'kick-dave');
    room.send({ ...membership('dave-renamed', dave, 'join'), at: 500 }, 'dave');
    assert.equal(room.resolve('dave-back', 'dave-renamed')[`member ${dave}`], 'dave-renamed', 'both are joins; the later stands');
  });

  test(`What rests on older power levels goes first, whatever its clock says (version ${version})`, () => {
    const room = friendsInARoom(version);
    const users = room.event('levels').content['users'] as JsonObject;
    room.send({ ...topic('future', carol), at: 9_000_000_000_000 }, 'dave');
    room.send({ ...levels('levels-2', bob, users, { kick: 60 }), at: 20 }, 'dave');
    room.send({ ...topic('now', carol), at: 21 }, 'levels-2');
    assert.equal(room.resolve('future', 'now')['topic'], 'now');
  });

  test(`An event that only one state has comes back only if it is still allowed (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send(topic('topic', carol), 'dave');
    assert.equal(room.resolve('topic', 'dave')['topic'], 'topic');
    room.send(membership('ban-carol', bob, 'ban', carol), 'dave');
    assert.equal(room.resolve('topic', 'ban-carol')['topic'], undefined);
  });

  test(`Rejected events are judged again, but are no auth events for others (version ${version})`, () => {
    const room = friendsInARoom(version);
    const users = room.event('levels').content['users'] as JsonObject;
    room.forge({ ...levels('coup', mallory, { ...users, [mallory]: 100 }), auth: ['create', 'levels'] }, 'dave');
    room.reject('coup');
    room.forge({ ...topic('by-coup', mallory), auth: ['create', 'coup'] }, 'dave');
    const state = room.resolve('coup', 'by-coup', 'dave');
    assert.equal(state['power_levels'], 'levels');
    assert.equal(state['topic'], undefined);
  });

  test(`A rejected join lets nobody act, even where the state says nothing of her (version ${version})`, () => {
    const room = friendsInARoom(version);
    const users = room.event('levels').content['users'] as JsonObject;
    room.send(joinRule('closed', alice, 'invite'), 'dave');
    room.send(levels('all-may', alice, users, { state_default: 0 }), 'closed');
    room.forge(membership('intruder', mallory, 'join'), 'all-may');
    // A server that took the join for accepted lets it speak for itself, as auth events are not judged again.
    room.send(topic('intruders-topic', mallory), 'intruder');
    assert.equal(room.resolve('all-may', 'intruders-topic')['topic'], 'intruders-topic');
    room.reject('intruder');
    assert.equal(room.resolve('all-may', 'intruders-topic')[`member ${mallory}`], undefined);
    assert.equal(room.resolve('all-may', 'intruders-topic')['topic'], undefined);
  });

  test(`What somebody built on comes before what was built, whoever is mightier (version ${version})`, () => {
    const room = friendsInARoom(version);
    const users = room.event('levels').content['users'] as JsonObject;
    room.send({ ...levels('carols', carol, users, { kick: 40 }), at: 90 }, 'dave');
    room.send({ ...levels('bobs', bob, users, { kick: 40, events: { 'm.room.topic': 10 } }), at: 80 }, 'carols');
    assert.equal(room.resolve('dave', 'bobs')['power_levels'], 'bobs');
  });

  test(`Who leaves by herself takes nothing back of what she did before (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send(topic('topic', carol), 'dave');
    room.send(membership('carol-leaves', carol, 'leave'), 'dave');
    const state = room.resolve('topic', 'carol-leaves');
    assert.equal(state[`member ${carol}`], 'carol-leaves');
    assert.equal(state['topic'], 'topic', 'her own leave is no power event, and comes later');
  });

  test(`Three states at once agree with what each knows (version ${version})`, () => {
    const room = friendsInARoom(version);
    room.send({ ...membership('ban-dave', carol, 'ban', dave), at: 30 }, 'dave');
    room.send({ ...topic('daves-leave', bob), at: 31 }, 'dave');
    room.send({ ...joinRule('closed', bob, 'invite'), at: 32 }, 'dave');
    const state = room.resolve('ban-dave', 'daves-leave', 'closed');
    assert.equal(state[`member ${dave}`], 'ban-dave');
    assert.equal(state['topic'], 'daves-leave');
    assert.equal(state['join_rules'], 'closed');
  });
}

test('A creator of version 12 wins against any level, also by a later clock', () => {
  const room = friendsInARoom('12', { [bob]: 9007199254740991 });
  room.send({ ...membership('ban-bob', alice, 'ban', bob), at: 900 }, 'dave');
  room.send({ ...membership('ban-carol', bob, 'ban', carol), at: 10 }, 'dave');
  room.send({ ...levels('bobs', bob, { [bob]: 9007199254740991, [dave]: 100 }), at: 11 }, 'ban-carol');
  const state = room.resolve('ban-bob', 'bobs');
  assert.equal(state[`member ${bob}`], 'ban-bob');
  assert.equal(state[`member ${carol}`], 'carol');
  assert.equal(state['power_levels'], 'levels');
});

test('An additional creator of version 12 cannot be shut out by the first', () => {
  const room = friendsInARoom('12', { [carol]: 50 }, { additional_creators: [bob] });
  room.send({ ...joinRule('alices', alice, 'invite'), at: 20 }, 'dave');
  room.send({ ...joinRule('bobs', bob, 'public'), at: 21 }, 'dave');
  room.send({ ...joinRule('carols', carol, 'knock'), at: 19 }, 'dave');
  // Two infinities are equal and go by time; Carol, below them, comes last, and so her rule stands.
  assert.equal(room.resolve('alices', 'bobs', 'carols')['join_rules'], 'carols');
});

test('Version 1: an administrator loses a level to an old event, as version 1 is known to do', () => {
  const room = friendsInARoom('1');
  const users = { [alice]: 100, [bob]: 100, [carol]: 50 };
  room.send(levels('dave-up', bob, { ...users, [dave]: 50 }), 'dave');
  room.send(levels('deeper', carol, users, { invite: 10 }), 'dave');
  room.send(levels('deepest', carol, users, { invite: 20 }), 'deeper');
  const state = room.resolve('dave-up', 'deepest');
  // By depth "dave-up" comes first and "deepest" next; taking away Dave's 50 is not Carol's to do, so the list ends there.
  assert.equal(state['power_levels'], 'dave-up');
});

test('Version 1: a key that one state lacks is no conflict', () => {
  const room = friendsInARoom('1');
  room.send(topic('topic', carol), 'dave');
  room.send(membership('ban-carol', bob, 'ban', carol), 'dave');
  assert.equal(room.resolve('topic', 'ban-carol')['topic'], 'topic');
});

test('Version 1: of topics that their sender may not set any more the first stays, as on other servers', () => {
  const room = friendsInARoom('1', { [bob]: 100, [carol]: 50 });
  room.send(topic('first', carol), 'dave');
  room.send(topic('between', bob), 'dave');
  room.send(topic('second', carol), 'between');
  room.send(membership('ban-carol', bob, 'ban', carol), 'second');
  const state = room.resolve('first', 'ban-carol');
  assert.equal(state[`member ${carol}`], 'ban-carol');
  assert.equal(state['topic'], 'first');
  assert.deepEqual(room.resolve('ban-carol', 'first'), state);
});

test('Version 1: members are each judged by the state before any of them', () => {
  const room = friendsInARoom('1');
  room.send(membership('ban-carol', bob, 'ban', carol), 'dave');
  room.send(membership('kick-dave', carol, 'leave', dave), 'dave');
  room.send(membership('bob-leaves', bob, 'leave'), 'kick-dave');
  const there = room.resolve('ban-carol', 'bob-leaves');
  assert.deepEqual(there, room.resolve('bob-leaves', 'ban-carol'));
  assert.equal(there[`member ${bob}`], 'bob-leaves');
});

test('Version 1: the list of candidates ends at the first that is not allowed', () => {
  const room = friendsInARoom('1');
  const users = { [alice]: 100, [bob]: 100, [carol]: 100 };
  room.send(levels('equal', alice, users), 'dave');
  room.send({ ...levels('dave-up', bob, { ...users, [dave]: 100 }), depth: 20 }, 'equal');
  room.send({ ...levels('without-dave', carol, users, { invite: 10 }), depth: 30 }, 'equal');
  room.send({ ...levels('with-dave', bob, { ...users, [dave]: 100 }, { invite: 10 }), depth: 40 }, 'equal');
  assert.equal(room.resolve('dave-up', 'without-dave', 'with-dave')['power_levels'], 'dave-up');
});
