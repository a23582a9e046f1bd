import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { forgetMembership, type EventDraft, type Viewer } from '../../rooms/index.ts';
import { member, openHive, says, state } from '../hive.fixture.ts';
import { bodies, openSync } from './sync.fixture.ts';

function sets(who: Viewer, target: Viewer, membership: string): EventDraft {
  return state(who, 'm.room.member', { membership }, target.userId);
}

forEachDatabase('sync', ({ test }) => {
  test('a first sync tells everything, the next what is new, and then nothing', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync, clientOf } = openSync(hive);
    const { room } = await hive.friendsInARoom(says(alice, 'hello'));
    const reader = clientOf(bob);
    const first = (await reader.next()).rooms.join[room.roomId];
    assert.deepEqual(bodies(first.timeline.events).slice(-2), ['m.room.member', 'hello']);
    assert.equal(first.timeline.limited, false);
    assert.deepEqual(first.summary, { 'm.heroes': [alice.userId], 'm.joined_member_count': 2, 'm.invited_member_count': 0 });

    await hive.rooms.send(room, [says(alice, 'news')]);
    const second = await reader.next();
    assert.deepEqual(bodies(second.rooms.join[room.roomId].timeline.events), ['news']);
    assert.deepEqual(second.rooms.join[room.roomId].state.events, []);
    assert.equal(second.rooms.join[room.roomId].summary, undefined);
    assert.deepEqual(Object.keys(await sync(bob, { since: second.next_batch })), ['next_batch']);
    await reader.converges();
  });

  test('a gap tells what state changed in it, and where to read back from', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync, clientOf } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const reader = clientOf(bob);
    const { next_batch: since } = await reader.next();
    await hive.rooms.send(room, [
      state(alice, 'm.room.name', { name: 'Tea' }),
      state(alice, 'm.room.topic', { topic: 'leaves' }),
      ...Array.from({ length: 5 }, (_, index) => says(alice, `message ${index}`)),
      state(alice, 'm.room.name', { name: 'Cake' }),
      says(alice, 'last'),
    ]);
    const filter = { room: { timeline: { limit: 3 } } };
    const gap = (await sync(bob, { since, filter })).rooms.join[room.roomId];
    assert.equal(gap.timeline.limited, true);
    assert.deepEqual(bodies(gap.timeline.events), ['message 4', 'm.room.name', 'last']);
    assert.deepEqual(
      gap.state.events.map((event: any) => event.content),
      [{ name: 'Tea' }, { topic: 'leaves' }],
    );
    const after = (await sync(bob, { since, filter, useStateAfter: true })).rooms.join[room.roomId];
    assert.equal(after.state, undefined);
    assert.deepEqual(
      after.state_after.events.map((event: any) => event.content),
      [{ topic: 'leaves' }, { name: 'Cake' }],
    );
    await reader.converges();
  });

  test('state that a timeline filter hides is told as state', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const { next_batch: since } = await sync(bob);
    await hive.rooms.send(room, [says(alice, 'one'), state(alice, 'm.room.topic', { topic: 'x' }), says(alice, 'two')]);
    const filter = { room: { timeline: { types: ['m.room.message'] } } };
    const part = (await sync(bob, { since, filter })).rooms.join[room.roomId];
    assert.deepEqual(bodies(part.timeline.events), ['one', 'two']);
    assert.deepEqual(bodies(part.state.events), ['m.room.topic']);
  });

  test('a filter finds what it wants behind much that it does not', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom(says(alice, 'the one'));
    await hive.rooms.send(
      room,
      Array.from({ length: 120 }, () => ({ type: 'm.sticker', sender: alice.userId, content: {} })),
    );
    const part = (await sync(bob, { filter: { room: { timeline: { types: ['m.room.message'], limit: 1 } } } })).rooms.join[
      room.roomId
    ];
    assert.deepEqual(bodies(part.timeline.events), ['the one']);
  });

  test('Carol comes in, goes, comes back: she is told all of the room, then of her leaving, then all of it again', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { viewer, clientOf } = openSync(hive);
    const carol = await viewer('carol');
    const { room } = await hive.friendsInARoom(says(alice, 'before'));
    const client = clientOf(carol);
    assert.equal((await client.next()).rooms, undefined);
    await hive.rooms.send(room, [member(carol, 'join')]);
    const joined = (await client.next()).rooms.join[room.roomId];
    const told = [...joined.state.events, ...joined.timeline.events];
    assert.ok(bodies(told).includes('m.room.create') && bodies(told).includes('before'));
    assert.equal(joined.summary['m.joined_member_count'], 3);

    await hive.rooms.send(room, [says(alice, 'with carol'), member(carol, 'leave'), says(alice, 'without carol')]);
    const gone = await client.next();
    assert.equal(gone.rooms.join, undefined);
    assert.deepEqual(bodies(gone.rooms.leave[room.roomId].timeline.events), ['with carol', 'm.room.member']);
    await hive.rooms.send(room, [state(alice, 'm.room.topic', { topic: 'carol' })]);
    assert.equal((await client.next()).rooms, undefined);

    await hive.rooms.send(room, [member(carol, 'join')]);
    const back = (await client.next()).rooms.join[room.roomId];
    assert.ok(bodies([...back.state.events, ...back.timeline.events]).includes('m.room.create'));
    await client.converges();
  });

  test('who left and came back between two syncs is in the room as before', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { clientOf } = openSync(hive);
    const { room } = await hive.friendsInARoom(state(alice, 'm.room.history_visibility', { history_visibility: 'joined' }));
    const client = clientOf(bob);
    await client.next();
    await hive.rooms.send(room, [member(bob, 'leave'), state(alice, 'm.room.topic', { topic: 'unseen' }), member(bob, 'join')]);
    const answer = await client.next();
    assert.equal(answer.rooms.leave, undefined);
    const part = answer.rooms.join[room.roomId];
    assert.ok(!bodies(part.timeline.events).includes('m.room.topic'));
    assert.deepEqual(bodies(part.state.events), ['m.room.topic']);
    await client.converges();
  });

  test('a room that was joined and left between two syncs is told as left; one that was forgotten not at all', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { sync, viewer } = openSync(hive);
    const carol = await viewer('carol');
    const { room } = await hive.friendsInARoom();
    const { next_batch: since } = await sync(carol);
    await hive.rooms.send(room, [member(carol, 'join')]);
    await hive.rooms.send(room, [member(carol, 'leave')]);
    const left = (await sync(carol, { since, filter: { room: { timeline: { limit: 2 } } } })).rooms.leave[room.roomId];
    assert.deepEqual(bodies(left.timeline.events), ['m.room.member', 'm.room.member']);
    assert.ok(bodies(left.state.events).includes('m.room.create'));
    assert.equal((await sync(carol)).rooms, undefined);
    assert.ok((await sync(carol, { filter: { room: { include_leave: true } } })).rooms.leave[room.roomId]);
    await forgetMembership(database, carol.userNid, room.nid);
    hive.rooms.memberships.invalidateUser(carol.userNid);
    assert.equal((await sync(carol, { since })).rooms, undefined);
    assert.equal((await sync(carol, { filter: { room: { include_leave: true } } })).rooms, undefined);
  });

  test('an invite shows what may be known of the room; declined it is gone; of an ignored person it never was', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { alice, mallory } = hive.people;
    const { sync, clientOf } = openSync(hive);
    const { room } = await hive.friendsInARoom(state(alice, 'm.room.name', { name: 'Tea' }));
    const client = clientOf(mallory);
    await client.next();
    await hive.rooms.send(room, [sets(alice, mallory, 'invite')]);
    const invite = (await client.next()).rooms.invite[room.roomId].invite_state.events;
    assert.deepEqual(invite.find((event: any) => event.type === 'm.room.name').content, { name: 'Tea' });
    await client.converges();
    hive.rooms.hooks.ignoredUsers = async () => new Set([alice.userId]);
    assert.equal((await sync(mallory)).rooms, undefined);
    hive.rooms.hooks.ignoredUsers = async () => new Set();
    await hive.rooms.send(room, [member(mallory, 'leave')]);
    const declined = (await client.next()).rooms;
    assert.deepEqual(bodies(declined.leave[room.roomId].timeline.events), ['m.room.member']);
    assert.deepEqual(declined.leave[room.roomId].state.events, []);
    await client.converges();
  });

  test('somebody banned hears of it and of nothing after', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { clientOf } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const client = clientOf(bob);
    await client.next();
    await hive.rooms.send(room, [sets(alice, bob, 'ban'), says(alice, 'phew')]);
    const { timeline } = (await client.next()).rooms.leave[room.roomId];
    assert.deepEqual(
      timeline.events.map((event: any) => event.content.membership),
      ['ban'],
    );
    assert.equal((await client.next()).rooms, undefined);
  });

  test('lazy members come with what they say, once, and again when they change', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync, viewer } = openSync(hive);
    const carol = await viewer('carol');
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(carol, 'join'), state(alice, 'm.room.name', { name: 'Tea' }), says(alice, 'hi')]);
    const filter = { room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } };
    const members = (answer: any): string[] =>
      answer.rooms.join[room.roomId].state.events
        .filter((event: any) => event.type === 'm.room.member')
        .map((e: any) => e.state_key);
    const first = await sync(bob, { filter });
    assert.deepEqual(members(first).sort(), [alice.userId, bob.userId].sort());
    await hive.rooms.send(room, [says(alice, 'again')]);
    const second = await sync(bob, { filter, since: first.next_batch });
    assert.deepEqual(members(second), []);
    await hive.rooms.send(room, [says(carol, 'hello'), says(carol, 'hello?')]);
    const third = await sync(bob, { filter, since: second.next_batch });
    assert.deepEqual(members(third), [carol.userId]);
    const retried = await sync(bob, { filter, since: second.next_batch });
    assert.deepEqual(members(retried), [carol.userId], 'the answer may have been lost');
    const redundant = { room: { timeline: { limit: 1 }, state: { lazy_load_members: true, include_redundant_members: true } } };
    await hive.rooms.send(room, [says(carol, 'oh')]);
    assert.deepEqual(members(await sync(bob, { filter: redundant, since: third.next_batch })), [carol.userId]);
    const renamed = state(carol, 'm.room.member', { membership: 'join', displayname: 'C.' }, carol.userId);
    await hive.rooms.send(room, [renamed, says(alice, 'hi C.')]);
    assert.ok(members(await sync(bob, { filter, since: third.next_batch })).includes(carol.userId), 'it changed in the gap');
  });

  test('full state is told again when asked for', async ({ database }) => {
    const hive = await openHive(database);
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const { next_batch: since } = await sync(hive.people.bob);
    const part = (await sync(hive.people.bob, { since, fullState: true })).rooms.join[room.roomId];
    assert.deepEqual(part.timeline.events, []);
    assert.ok(bodies(part.state.events).includes('m.room.create'));
  });

  test('rooms are shut out by filters and by the configuration', async ({ database }) => {
    const hive = await openHive(database);
    const { bob } = hive.people;
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const { room: other } = await hive.friendsInARoom();
    const rooms = async (options: Parameters<typeof sync>[1]): Promise<string[]> =>
      Object.keys((await sync(bob, options)).rooms?.join ?? {});
    assert.deepEqual(await rooms({ filter: { room: { rooms: [room.roomId] } } }), [room.roomId]);
    assert.deepEqual(await rooms({ filter: { room: { not_rooms: [room.roomId] } } }), [other.roomId]);
    assert.deepEqual(await rooms({ filter: { room: { rooms: [] } } }), []);
    assert.deepEqual(await rooms({ excludedRooms: [other.roomId] }), [room.roomId]);
  });

  test('only the wanted fields are sent, or the form that servers exchange', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom(says(alice, 'hi'));
    const last = async (filter: object): Promise<any> =>
      (await sync(bob, { filter })).rooms.join[room.roomId].timeline.events.at(-1);
    assert.deepEqual(await last({ event_fields: ['content.body'] }), { content: { body: 'hi' } });
    assert.ok((await last({ event_format: 'federation' })).signatures);
  });

  test('a parked sync is answered by news, and only by news for this user', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    const { sync } = openSync(hive);
    const { room } = await hive.friendsInARoom();
    const { next_batch: since } = await sync(bob);
    const outside = new AbortController();
    const unconcerned = sync(mallory, { since, timeoutMs: 5_000, signal: outside.signal });
    const parked = sync(bob, { since, timeoutMs: 5_000 });
    await hive.rooms.send(room, [says(alice, 'wake up')]);
    assert.deepEqual(bodies((await parked).rooms.join[room.roomId].timeline.events), ['wake up']);
    outside.abort();
    assert.deepEqual(Object.keys(await unconcerned), ['next_batch']);
    assert.equal(hive.notifier.waiting, 0);
  });

  test('a token goes on after a restart, when memory knows nothing of the past', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const quiet = await hive.friendsInARoom();
    const { next_batch: since } = await openSync(hive).sync(bob);
    await hive.rooms.send(room, [says(alice, 'meanwhile')]);
    const again = await openHive(await reopen());
    const answer = await openSync(again).sync(bob, { since });
    assert.deepEqual(bodies(answer.rooms.join[room.roomId].timeline.events), ['meanwhile']);
    assert.equal(answer.rooms.join[quiet.room.roomId], undefined);
  });
});
