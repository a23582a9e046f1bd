import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { stranger } from '../../federation/outbound/outbound.fixture.ts';
import { accountDataFeature } from '../account-data/index.ts';
import { member, openHive, says, state, type Hive } from '../hive.fixture.ts';
import { receiptsFeature } from './index.ts';
import { mergeReceipts } from './receipts.federation.ts';
import { publicReceipts } from './receipts.store.ts';

const elsewhere = 'elsewhere.example' as ServerName;
const later = `$${'a'.repeat(43)}`;
const config = { federation_rr_transactions_per_room_per_second: 50 };

async function receiptsOf(hive: Hive) {
  const { accountData } = await accountDataFeature(hive);
  return receiptsFeature({ ...hive, accountData, config });
}

forEachDatabase('receipts across servers', ({ test }) => {
  test('a server tells what its own users have read, and nothing else', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'tea?'));
    const { room: other } = await hive.friendsInARoom(says(bob, 'secret'));
    const [tea] = events;
    assert.ok(tea);
    const carol = await stranger(hive, 'carol', elsewhere);
    await hive.rooms.send(room, [member(carol, 'join')]);
    const feature = await receiptsOf(hive);
    const hear = (content: JsonObject, origin = elsewhere) =>
      feature.edus?.['m.receipt']?.({ type: 'm.receipt', content, origin });
    const read = (userId: string, eventId: string, data: JsonObject = { ts: 7 }, roomId: string = room.roomId): JsonObject => ({
      [roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data } } },
    });
    const stored = async () =>
      (await publicReceipts(database, hive.names, [room.nid, other.nid])).map(
        ({ userId, eventId, threadId, ts, eventPlace }) => ({
          userId,
          eventId,
          threadId,
          ts,
          known: eventPlace !== undefined,
        }),
      );
    await hear(read(alice.userId, tea.eventId));
    await hear(read(carol.userId, tea.eventId), 'third.example' as ServerName);
    await hear(read(carol.userId, tea.eventId, { ts: 7 }, other.roomId));
    await hear(read(carol.userId, 'tea'));
    await hear(read(carol.userId, tea.eventId, { ts: 'soon' }));
    await hear({ [room.roomId]: { 'm.read.private': { [carol.userId]: { event_ids: [tea.eventId], data: { ts: 7 } } } } });
    await hear({ [room.roomId]: { 'm.read': { [carol.userId]: 7 } }, '!nowhere': 7 });
    assert.deepEqual(await stored(), []);
    await hear(read(carol.userId, tea.eventId));
    await hear(read(carol.userId, later, { ts: 8, thread_id: 'main' }));
    assert.deepEqual(await stored(), [
      { userId: carol.userId, eventId: tea.eventId, threadId: undefined, ts: 7, known: true },
      { userId: carol.userId, eventId: later, threadId: 'main', ts: 8, known: false },
    ]);
    await hive.rooms.send(room, [state(alice, 'm.room.server_acl', { allow: ['*'], deny: [elsewhere] })]);
    await hear(read(carol.userId, `$${'b'.repeat(43)}`));
    assert.equal((await stored()).length, 2);
    assert.deepEqual(hive.sentEdus, []);
  });

  test('public receipts of ours are told with their threads, private ones never', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room, events } = await hive.friendsInARoom(says(bob, 'tea?'), says(bob, 'tea!'));
    const [first, second] = events.map(({ eventId }) => eventId) as [EventId, EventId];
    const { receipts } = await receiptsOf(hive);
    await receipts.mark(alice, room.roomId, { read: first, threadId: 'main', privateRead: second });
    await new Promise((resolve) => setImmediate(resolve));
    const data = { ts: hive.clock.now(), thread_id: 'main' };
    assert.deepEqual(hive.sentEdus, [
      {
        type: 'm.receipt',
        content: { [room.roomId]: { 'm.read': { [alice.userId]: { event_ids: [first], data } } } },
        roomNids: [room.nid],
      },
    ]);
  });

  test('receipts of several readers and rooms go together, those of one reader in several threads do not', async () => {
    const read = (room: string, user: string, thread?: string): JsonObject => ({
      [room]: { 'm.read': { [user]: { event_ids: [later], data: { ts: 7, ...(thread && { thread_id: thread }) } } } },
    });
    const alices = read('!a', '@alice:hive.example');
    const both = mergeReceipts(alices, read('!a', '@bob:hive.example'));
    assert.ok(both);
    const all = mergeReceipts(both, read('!b', '@alice:hive.example'));
    const receipt = { event_ids: [later], data: { ts: 7 } };
    assert.deepEqual(all, {
      '!a': { 'm.read': { '@alice:hive.example': receipt, '@bob:hive.example': receipt } },
      '!b': { 'm.read': { '@alice:hive.example': receipt } },
    });
    assert.deepEqual(alices, read('!a', '@alice:hive.example'), 'what waits stays as it is');
    assert.equal(mergeReceipts(both, read('!a', '@alice:hive.example', 'main')), undefined);
  });
});
