import assert from 'node:assert/strict';

import type { EventId, UserId } from '@myelin/protocol/identifiers';
import { putPushRule } from '@myelin/protocol/push-rules';
import { forEachDatabase } from '@myelin/testing/databases';

import { sql } from '../../../platform/database/index.ts';
import type { RoomIdentity, StoredEvent } from '../../../rooms/index.ts';
import { inThread, membership, openPushWorld, says, user, type PushWorld } from '../push.fixture.ts';

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')];

/** What is unread, as `[notifications, highlights]` of all threads. */
async function unreadOf(world: PushWorld, who: UserId, room: RoomIdentity): Promise<[number, number]> {
  const threads = (await world.unread.of(await world.names.idOf(who), [room.nid])).get(room.nid);
  const counts = [...(threads?.values() ?? [])];
  return [
    counts.reduce((sum, { notifications }) => sum + notifications, 0),
    counts.reduce((sum, { highlights }) => sum + highlights, 0),
  ];
}

async function reads(world: PushWorld, who: UserId, event: StoredEvent, threadId?: EventId | 'main'): Promise<void> {
  await world.unread.markRead({
    userNid: await world.names.idOf(who),
    roomNid: event.roomNid,
    threadId,
    upToPosition: event.position ?? 0,
  });
}

async function mutes(world: PushWorld, who: UserId, room: RoomIdentity): Promise<void> {
  const userNid = await world.names.idOf(who);
  await world.rules.change(userNid, (rules) => putPushRule(rules, { kind: 'room', ruleId: room.roomId }, { actions: [] }));
}

forEachDatabase('unread counts', ({ test }) => {
  test('Bob counts what Alice says until he reads it, and again after a restart', async ({ database, reopen }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    assert.deepEqual(await unreadOf(world, bob, room), [0, 0]);
    const first = await world.sends(room, says(alice, 'one'));
    await world.sends(room, says(alice, 'two'));
    await world.sends(room, says(alice, 'Bob!', { 'm.mentions': { user_ids: [bob] } }));
    assert.deepEqual(await unreadOf(world, bob, room), [3, 1]);
    assert.deepEqual(await unreadOf(world, carol, room), [3, 0]);
    assert.deepEqual(await unreadOf(world, alice, room), [0, 0]);
    await reads(world, bob, first);
    assert.deepEqual(await unreadOf(world, bob, room), [2, 1]);

    const again = await openPushWorld(await reopen());
    assert.deepEqual(await unreadOf(again, bob, room), [2, 1]);
    await again.sends(room, says(alice, 'four'));
    assert.deepEqual(await unreadOf(again, bob, room), [3, 1]);
    const last = await again.sends(room, says(alice, 'five'));
    await reads(again, bob, last);
    assert.deepEqual(await unreadOf(again, bob, room), [0, 0]);
    await reads(again, bob, first);
    assert.deepEqual(await unreadOf(again, bob, room), [0, 0]);
  });

  test('who answers has read, in the thread of the answer; who takes another name has not', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    const root = await world.sends(room, says(alice, 'lunch?'));
    await world.sends(room, says(alice, 'where?', inThread(root)));
    assert.deepEqual(await unreadOf(world, bob, room), [2, 0]);
    await world.sends(room, membership(bob, 'join', bob, { displayname: 'Bobby' }));
    assert.deepEqual(await unreadOf(world, bob, room), [2, 0]);
    await world.sends(room, says(bob, 'good morning'));
    assert.deepEqual(await unreadOf(world, bob, room), [1, 0]);
    await world.sends(room, says(bob, 'at home', inThread(root)));
    assert.deepEqual(await unreadOf(world, bob, room), [0, 0]);
  });

  test('threads are counted and read apart, and together by an unthreaded receipt', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    const bobNid = await world.names.idOf(bob);
    const root = await world.sends(room, says(alice, 'lunch?'));
    const where = await world.sends(room, says(alice, 'where?', inThread(root)));
    await world.sends(room, says(alice, 'Bob?', { ...inThread(root), 'm.mentions': { user_ids: [bob] } }));
    const later = await world.sends(room, says(alice, 'and dinner?'));
    const threads = async () => Object.fromEntries((await world.unread.of(bobNid, [room.nid])).get(room.nid) ?? []);
    const counts = async () =>
      Object.fromEntries(
        Object.entries(await threads()).map(([nid, { notifications, highlights }]) => [nid, [notifications, highlights]]),
      );
    assert.deepEqual(await counts(), { 0: [2, 0], [root.nid]: [2, 1] });
    await reads(world, bob, later, 'main');
    assert.deepEqual(await counts(), { [root.nid]: [2, 1] });
    await reads(world, bob, where, root.eventId);
    assert.deepEqual(await counts(), { [root.nid]: [1, 1] });
    await reads(world, bob, later);
    assert.deepEqual(await counts(), {});
  });

  test('Carol, who muted the room, soon costs nothing a message, and counts only her mentions', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    await world.sends(room, says(alice, 'before'));
    await mutes(world, carol, room);
    for (let count = 0; count < 10; count++) await world.sends(room, says(alice, `message ${count}`));
    assert.deepEqual(await unreadOf(world, carol, room), [1, 0]);
    assert.deepEqual(await unreadOf(world, bob, room), [11, 0]);
    const rows = await database.get<{ rows: number }>(sql`SELECT COUNT(*) AS rows FROM notified_users`);
    assert.equal(rows?.rows, 2);
    await world.sends(room, says(alice, 'Carol!', { 'm.mentions': { user_ids: [carol] } }));
    assert.deepEqual(await unreadOf(world, carol, room), [2, 1]);
    await world.sends(room, says(alice, 'everybody!', { 'm.mentions': { room: true } }));
    assert.deepEqual(await unreadOf(world, carol, room), [3, 2]);
    assert.deepEqual(await unreadOf(world, bob, room), [13, 1]);
  });

  test('a message that is redacted notifies nobody any more', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    await world.sends(room, says(alice, 'one'));
    const rude = await world.sends(room, says(alice, 'rude', { 'm.mentions': { user_ids: [bob] } }));
    await world.sends(room, says(alice, 'three'));
    assert.deepEqual(await unreadOf(world, bob, room), [3, 1]);
    await world.sends(room, { type: 'm.room.redaction', sender: alice, content: {}, redacts: rude.eventId });
    assert.deepEqual(await unreadOf(world, bob, room), [2, 0]);
    assert.deepEqual(await unreadOf(world, carol, room), [2, 0]);
  });

  test('a rule with a sound of five thousand letters does not keep anybody from talking', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob]);
    const actions = ['notify', { set_tweak: 'highlight' }, { set_tweak: 'sound', value: 'a'.repeat(5_000) }];
    const name = { kind: 'content', ruleId: 'hello' } as const;
    await world.rules.change(await world.names.idOf(bob), (rules) => putPushRule(rules, name, { pattern: 'hello', actions }));
    await world.sends(room, says(alice, 'hello'));
    assert.deepEqual(await unreadOf(world, bob, room), [1, 1]);
  });

  test('an invite is noted for Carol, and counts nowhere once she has joined', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob]);
    await world.sends(room, membership(alice, 'invite', carol));
    const noted = await database.all(sql`SELECT user_nid, notifications, highlights FROM notified_users`);
    assert.deepEqual(noted, [{ user_nid: await world.names.idOf(carol), notifications: 1, highlights: 0 }]);
    await world.sends(room, membership(carol, 'join'));
    assert.deepEqual(await unreadOf(world, carol, room), [0, 0]);
  });

  test('whom Bob ignores does not notify him', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob, carol]);
    await world.sends(room, says(alice, 'one'));
    await world.ignore(bob, [alice]);
    await world.sends(room, says(alice, 'Bob!', { 'm.mentions': { user_ids: [bob] } }));
    await world.sends(room, says(carol, 'three'));
    assert.deepEqual(await unreadOf(world, bob, room), [2, 0]);
    await world.ignore(bob, []);
    await world.sends(room, says(alice, 'four'));
    assert.deepEqual(await unreadOf(world, bob, room), [3, 0]);
  });

  test('counting starts with the join, and starts anew with the next', async ({ database }) => {
    const world = await openPushWorld(database);
    const room = await world.roomOf([alice, bob]);
    await world.sends(room, says(alice, 'before Carol'));
    await world.sends(room, membership(carol, 'join'));
    assert.deepEqual(await unreadOf(world, carol, room), [0, 0]);
    await world.sends(room, says(alice, 'Carol!', { 'm.mentions': { user_ids: [carol] } }));
    assert.deepEqual(await unreadOf(world, carol, room), [1, 1]);
    await world.sends(room, membership(carol, 'leave'));
    await world.sends(room, says(alice, 'gone'));
    await world.sends(room, membership(carol, 'join'));
    assert.deepEqual(await unreadOf(world, carol, room), [0, 0]);
    await world.sends(room, says(alice, 'welcome back'));
    assert.deepEqual(await unreadOf(world, carol, room), [1, 0]);
    await world.rooms.send(room, [membership(carol, 'leave'), membership(carol, 'join')]);
    assert.deepEqual(await unreadOf(world, carol, room), [0, 0]);
    await world.sends(room, says(alice, 'and again'));
    assert.deepEqual(await unreadOf(world, carol, room), [1, 0]);
  });

  test('only rooms that changed are asked for, and a mark wakes its user', async ({ database }) => {
    const world = await openPushWorld(database);
    const bobNid = await world.names.idOf(bob);
    const [one, other] = [await world.roomOf([alice, bob]), await world.roomOf([alice, bob])];
    const message = await world.sends(one, says(alice, 'hello'));
    await world.sends(other, says(alice, 'hello'));
    const waiter = world.notifier.register(bobNid);
    const before = world.unread.stream.now;
    await reads(world, bob, message);
    assert.equal(await waiter.wait(10_000), 'woken');
    waiter.close();
    assert.deepEqual(await world.unread.markedRooms(bobNid, before, world.unread.stream.now), [one.nid]);
    assert.deepEqual(await world.unread.markedRooms(bobNid, world.unread.stream.now, world.unread.stream.now), []);
  });
});
