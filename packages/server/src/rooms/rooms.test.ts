import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../platform/cache/index.ts';
import { createTestClock } from '../platform/clock.ts';
import { Interner, type Database } from '../platform/database/index.ts';
import { silentLogger } from '../platform/observability/index.ts';
import { createSeededRandom } from '../platform/random.ts';
import { Notifier } from '../platform/streams/index.ts';
import { openRooms, type EventDraft, type Rooms, type Viewer } from './index.ts';

const alice = '@alice:hive.example' as UserId;
const bob = '@bob:hive.example' as UserId;

async function roomsOn(
  database: Database,
): Promise<{ rooms: Rooms; names: Interner; viewer: (user: UserId) => Promise<Viewer> }> {
  const caches = new CacheBudget(16_000_000);
  const names = new Interner(database, caches);
  const rooms = await openRooms({
    database,
    names,
    caches,
    notifier: new Notifier(),
    clock: createTestClock(),
    random: createSeededRandom(7),
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
    signingKey: generateSigningKey(new Uint8Array(32).fill(1)),
  });
  return { rooms, names, viewer: async (user) => ({ userId: user, userNid: await names.idOf(user), isGuest: false }) };
}

function state(sender: UserId, type: string, content: JsonObject, stateKey = ''): EventDraft {
  return { type, sender, stateKey, content };
}

function says(sender: UserId, body: string): EventDraft {
  return { type: 'm.room.message', sender, content: { msgtype: 'm.text', body } };
}

async function aliceMakesARoom(rooms: Rooms, version = '12', followers: readonly EventDraft[] = []) {
  const rules = roomVersionRules(version);
  assert.ok(rules);
  const creator = rules.creatorIsCreateSender ? {} : { creator: alice };
  const levels = rules.privilegedCreators ? {} : { users: { [alice]: 100 } };
  return rooms.create({
    rules,
    create: state(alice, 'm.room.create', { ...creator, room_version: version }),
    followers: () => [
      state(alice, 'm.room.member', { membership: 'join' }, alice),
      state(alice, 'm.room.power_levels', levels),
      state(alice, 'm.room.join_rules', { join_rule: 'public' }),
      ...followers,
    ],
  });
}

forEachDatabase('the room engine', ({ test }) => {
  for (const version of ['1', '2', '3', '6', '10', '11', '12']) {
    test(`a room of version ${version} is made, talked in, and still there after a restart`, async ({ database, reopen }) => {
      const { rooms } = await roomsOn(database);
      const { identity } = await aliceMakesARoom(rooms, version);
      await rooms.send(identity, [state(bob, 'm.room.member', { membership: 'join' }, bob)]);
      await rooms.send(identity, [says(alice, 'hello'), says(bob, 'hello yourself')]);

      const again = await roomsOn(await reopen());
      const room = await again.rooms.ids.find(identity.roomId);
      assert.ok(room);
      const reader = await again.viewer(bob);
      const page = await again.rooms.timeline.page(room.nid, { direction: 'b', limit: 10 });
      const visible = await again.rooms.visibility.visibleTo(reader, room.nid, page);
      assert.deepEqual(
        visible.map(({ event }) => event.content['body'] ?? event.type),
        [
          'hello yourself',
          'hello',
          'm.room.member',
          'm.room.join_rules',
          'm.room.power_levels',
          'm.room.member',
          'm.room.create',
        ],
      );
      await again.rooms.send(room, [says(alice, 'welcome back')]);
    });
  }

  test('who is not in the room cannot speak there, and nothing of it is kept', async ({ database }) => {
    const { rooms } = await roomsOn(database);
    const { identity } = await aliceMakesARoom(rooms);
    await assert.rejects(rooms.send(identity, [says(bob, 'let me in')]), { errcode: 'M_FORBIDDEN' });
    const page = await rooms.timeline.page(identity.nid, { direction: 'b', limit: 1 });
    assert.equal(page[0]?.type, 'm.room.join_rules');
    await rooms.send(identity, [says(alice, 'quiet here')]);
  });

  test('of several events all are sent or none', async ({ database }) => {
    const { rooms } = await roomsOn(database);
    const { identity } = await aliceMakesARoom(rooms);
    await assert.rejects(rooms.send(identity, [says(alice, 'first'), says(bob, 'not a member')]), { errcode: 'M_FORBIDDEN' });
    const page = await rooms.timeline.page(identity.nid, { direction: 'b', limit: 1 });
    assert.equal(page[0]?.type, 'm.room.join_rules');
  });

  test('fifty people who speak at once are heard in one order', async ({ database }) => {
    const { rooms } = await roomsOn(database);
    const { identity } = await aliceMakesARoom(rooms);
    const sent = await Promise.all(Array.from({ length: 50 }, (_, index) => rooms.send(identity, [says(alice, `${index}`)])));
    const positions = sent.map(([event]) => event?.position);
    const events = await rooms.timeline.latest(identity.nid, { after: 0, upTo: rooms.stream.now, limit: 50 });
    assert.deepEqual(
      events.map((event) => event.position),
      [...positions].sort((a, b) => (a ?? 0) - (b ?? 0)),
    );
    const pdus = await rooms.pdus.pdusOf(events, identity.rules);
    for (const [index, pdu] of pdus.entries()) {
      if (index > 0) assert.deepEqual(pdu.prev_events, [events[index - 1]?.eventId]);
    }
  });

  test('Bob, who joins late, sees what was said before only where history is shared', async ({ database }) => {
    const { rooms, viewer } = await roomsOn(database);
    for (const [visibility, expected] of [
      ['shared', ['before', 'after']],
      ['joined', ['after']],
      ['world_readable', ['before', 'after']],
    ] as const) {
      const { identity } = await aliceMakesARoom(rooms, '12', [
        state(alice, 'm.room.history_visibility', { history_visibility: visibility }),
      ]);
      await rooms.send(identity, [says(alice, 'before')]);
      await rooms.send(identity, [state(bob, 'm.room.member', { membership: 'join' }, bob)]);
      await rooms.send(identity, [says(alice, 'after')]);
      const page = await rooms.timeline.page(identity.nid, { direction: 'f', limit: 50 });
      const visible = await rooms.visibility.visibleTo(await viewer(bob), identity.nid, page);
      const bodies = visible.map(({ event }) => event.content['body']).filter((body) => body !== undefined);
      assert.deepEqual(bodies, expected, visibility);
    }
  });

  test('a redacted message loses its content, also for those who read it from the database', async ({ database, reopen }) => {
    const { rooms, viewer } = await roomsOn(database);
    const { identity } = await aliceMakesARoom(rooms);
    const [message] = await rooms.send(identity, [says(alice, 'a secret')]);
    assert.ok(message);
    await rooms.send(identity, [{ type: 'm.room.redaction', sender: alice, content: {}, redacts: message.eventId }]);
    const again = await roomsOn(await reopen());
    for (const engine of [rooms, again.rooms]) {
      const event = await engine.events.byId(message.eventId);
      assert.ok(event);
      assert.deepEqual(event.content, {});
    }
    const event = await again.rooms.events.byId(message.eventId);
    assert.ok(event);
    const [json] = await again.rooms.serving.serve(await viewer(alice), [{ event, membership: 'join' }]);
    const served = JSON.parse(json ?? '') as { unsigned: { redacted_because: { redacts: string } } };
    assert.equal(served.unsigned.redacted_because.redacts, message.eventId);
  });

  test('a state event that changes nothing is not sent again', async ({ database }) => {
    const { rooms } = await roomsOn(database);
    const { identity } = await aliceMakesARoom(rooms);
    const [first] = await rooms.send(identity, [state(alice, 'm.room.name', { name: 'Hive' })]);
    const [second] = await rooms.send(identity, [state(alice, 'm.room.name', { name: 'Hive' })]);
    assert.equal(second?.eventId, first?.eventId);
    const [third] = await rooms.send(identity, [state(alice, 'm.room.name', { name: 'Nest' })]);
    assert.equal(third?.replacesNid, first?.nid);
  });

  test('nobody hears of a room that could not be made', async ({ database }) => {
    const { rooms } = await roomsOn(database);
    const rules = roomVersionRules('12');
    assert.ok(rules);
    let roomId: RoomId | undefined;
    const making = rooms.create({
      rules,
      create: state(alice, 'm.room.create', { room_version: '12' }),
      followers: (id) => {
        roomId = id;
        return [says(alice, 'too early')];
      },
    });
    await assert.rejects(making, { errcode: 'M_FORBIDDEN' });
    assert.ok(roomId);
    assert.equal(await rooms.ids.find(roomId), undefined);
  });
});
