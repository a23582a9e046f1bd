import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventId, RoomId, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { accountDataFeature } from '../account-data/index.ts';
import { openHive, says, type Hive } from '../hive.fixture.ts';
import { receiptsFeature, type Receipt } from './index.ts';
import { receiptEvents } from './receipt.ts';

function receipt(parts: Partial<Receipt> = {}): Receipt {
  return {
    roomNid: 1,
    userNid: 2,
    userId: '@alice:hive.example' as UserId,
    type: 'm.read',
    threadId: undefined,
    eventId: '$tea' as EventId,
    eventPlace: 10,
    ts: 1000,
    position: 1,
    ...parts,
  };
}

test('receipts of a room become one event', () => {
  const bob = { userNid: 3, userId: '@bob:hive.example' as UserId };
  const events = receiptEvents([
    receipt(),
    receipt({ ...bob, position: 2 }),
    receipt({ ...bob, eventId: '$cake' as EventId, position: 3 }),
  ]);
  assert.deepEqual(
    events.map((text) => JSON.parse(text) as unknown),
    [
      {
        type: 'm.receipt',
        content: {
          $tea: { 'm.read': { '@alice:hive.example': { ts: 1000 } } },
          $cake: { 'm.read': { '@bob:hive.example': { ts: 1000 } } },
        },
      },
    ],
  );
});

test('Alice marks one event for the room and for a thread, and both are told', () => {
  const events = receiptEvents([receipt(), receipt({ threadId: 'main', position: 2 })]);
  assert.deepEqual(
    events.map((text) => (JSON.parse(text) as { content: { $tea: { 'm.read': unknown } } }).content.$tea['m.read']),
    [{ '@alice:hive.example': { ts: 1000 } }, { '@alice:hive.example': { ts: 1000, thread_id: 'main' } }],
  );
});

async function readersOf(hive: Hive) {
  const { accountData } = await accountDataFeature(hive);
  const feature = await receiptsFeature({ ...hive, accountData, config: { federation_rr_transactions_per_room_per_second: 50 } });
  const [source] = feature.sync ?? [];
  assert.ok(source);
  return { accountData, receipts: feature.receipts, source };
}

function told(part: { ephemeral?: ReadonlyMap<number, readonly string[]> }, roomNid: number): unknown[] {
  return (part.ephemeral?.get(roomNid) ?? []).map((text) => (JSON.parse(text) as { content: unknown }).content);
}

forEachDatabase('receipts', ({ test }) => {
  test('Bob hears that Alice has read his message, and again after a restart', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'tea?'));
    const [tea] = events;
    assert.ok(tea);
    const { receipts, source } = await readersOf(hive);
    const before = source.now();
    await receipts.mark(alice, room.roomId, { read: tea.eventId });
    const expected = [{ [tea.eventId]: { 'm.read': { [alice.userId]: { ts: hive.clock.now() } } } }];
    const scope = hive.scope(bob, [room.nid]);
    assert.deepEqual(told(await source.changes(scope, before, source.now()), room.nid), expected);
    assert.deepEqual(told(await source.changes(scope, source.now(), source.now()), room.nid), []);
    assert.deepEqual(told(await source.everything(scope, source.now()), room.nid), expected);

    const later = await openHive(await reopen());
    const again = await readersOf(later);
    assert.equal(again.source.now(), source.now());
    assert.deepEqual(told(await again.source.changes(scope, before, again.source.now()), room.nid), expected);
  });

  test('a receipt never goes back, a marker goes back when asked to', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'one'), says(bob, 'two'));
    const [one, two] = events.map(({ eventId }) => eventId);
    const { receipts, accountData, source } = await readersOf(hive);
    await receipts.mark(alice, room.roomId, { read: two, fullyRead: two });
    const now = source.now();
    await Promise.all([
      receipts.mark(alice, room.roomId, { read: one, fullyRead: one }),
      receipts.mark(alice, room.roomId, { read: two, fullyRead: two }),
    ]);
    assert.equal(source.now(), now);
    assert.deepEqual(await accountData.readContent(alice.userNid, 'm.fully_read', room.nid), { event_id: two });
    await receipts.mark(alice, room.roomId, { fullyRead: one, allowBackward: true });
    assert.deepEqual(await accountData.readContent(alice.userNid, 'm.fully_read', room.nid), { event_id: one });
  });

  test('a private receipt is told to nobody else', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'secret'));
    const { receipts, source } = await readersOf(hive);
    await receipts.mark(alice, room.roomId, { privateRead: events[0]?.eventId });
    for (const ask of [
      (viewer: typeof bob) => source.changes(hive.scope(viewer, [room.nid]), 0, source.now()),
      (viewer: typeof bob) => source.everything(hive.scope(viewer, [room.nid]), source.now()),
      (viewer: typeof bob) => source.changes(hive.scope(viewer, [room.nid], [room.nid]), source.now(), source.now()),
    ]) {
      assert.deepEqual(told(await ask(bob), room.nid), []);
      assert.equal(told(await ask(alice), room.nid).length, 1);
    }
  });

  test('an initial answer holds the receipts of its rooms and of no others', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const tea = await hive.friendsInARoom(says(bob, 'tea'));
    const cake = await hive.friendsInARoom(says(bob, 'cake'));
    const { receipts, source } = await readersOf(hive);
    for (const { room, events } of [tea, cake]) await receipts.mark(alice, room.roomId, { read: events[0]?.eventId });
    const part = await source.everything(hive.scope(bob, [tea.room.nid]), source.now());
    assert.deepEqual([...(part.ephemeral?.keys() ?? [])], [tea.room.nid]);
    // What is remembered of a room is not told when somebody has read further since.
    const more = await hive.rooms.send(tea.room, [says(bob, 'more tea')]);
    await receipts.mark(alice, tea.room.roomId, { read: more[0]?.eventId });
    const [content] = told(await source.everything(hive.scope(bob, [tea.room.nid]), source.now()), tea.room.nid);
    assert.deepEqual(Object.keys(content as object), [more[0]?.eventId]);
  });

  test('who ignores Alice does not hear what she reads', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'tea?'));
    const { receipts, source, accountData } = await readersOf(hive);
    await accountData.set(bob.userNid, 'm.ignored_user_list', { ignored_users: { [alice.userId]: {} } });
    await receipts.mark(alice, room.roomId, { read: events[0]?.eventId });
    assert.deepEqual(told(await source.changes(hive.scope(bob, [room.nid]), 0, source.now()), room.nid), []);
    assert.deepEqual(told(await source.everything(hive.scope(bob, [room.nid]), source.now()), room.nid), []);
  });

  test('a thread must be the one of the event', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'root'), says(bob, 'beside'));
    const [root, beside] = events.map(({ eventId }) => eventId);
    const [reply] = await hive.rooms.send(room, [
      {
        ...says(bob, 'reply'),
        content: { body: 'reply', msgtype: 'm.text', 'm.relates_to': { rel_type: 'm.thread', event_id: root ?? '' } },
      },
    ]);
    const [smile] = await hive.rooms.send(room, [
      {
        type: 'm.reaction',
        sender: bob.userId,
        content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: reply?.eventId ?? '', key: ':)' } },
      },
    ]);
    const { receipts } = await readersOf(hive);
    const mark = (read: EventId | undefined, threadId: string) => receipts.mark(alice, room.roomId, { read, threadId });
    await mark(smile?.eventId, root ?? '');
    await mark(root, root ?? '');
    await mark(root, 'main');
    await mark(beside, 'main');
    for (const [read, thread] of [
      [reply?.eventId, 'main'],
      [beside, root],
      [beside, ''],
    ] as const) {
      await assert.rejects(mark(read, thread ?? ''), { errcode: 'M_INVALID_PARAM' });
    }
    await assert.rejects(receipts.mark(mallory, room.roomId, { read: root }), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(receipts.mark(alice, '!nowhere' as RoomId, { read: root }), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(mark('$nothing' as EventId, 'main'), { errcode: 'M_NOT_FOUND' });
  });

  test('unread counts join the transaction of a receipt', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'tea?'));
    const { receipts } = await readersOf(hive);
    const seen: string[] = [];
    receipts.hooks.push({
      name: 'counts',
      prepare: ({ eventPlace }) => ({ write: (tx) => tx.onCommit(() => seen.push(`written ${eventPlace}`)) }),
    });
    receipts.onReceipt(({ userId }) => seen.push(userId));
    await receipts.mark(alice, room.roomId, { read: events[0]?.eventId });
    assert.deepEqual(seen, [`written ${events[0]?.position}`, alice.userId]);
  });
});
