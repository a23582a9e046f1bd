import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { longTimelines, noPostgresReason, postgresDatabases, sqliteDatabases, type TestHomeserverOptions } from '@myelin/testing';

import { Stage, type HostileRoom } from '../hostile/hostile-room.ts';
import { stranger } from '../stranger.ts';

type Clock = NonNullable<TestHomeserverOptions['clock']>;

const dummy = 'org.matrix.dummy_event';
const threshold = 4;
const minute = 60_000;

const aMoment = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The machine's clock, on which whole minutes pass when a test says so. */
function minutesByHand(): Clock & { minutePasses(): void } {
  const waiting = new Set<() => void>();
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: aMoment,
    schedule(delayMs, callback) {
      if (delayMs !== minute) {
        const timer = setTimeout(callback, delayMs).unref();
        return { cancel: () => clearTimeout(timer) };
      }
      const once = (): void => {
        waiting.delete(once);
        callback();
      };
      waiting.add(once);
      return { cancel: () => void waiting.delete(once) };
    },
    minutePasses: () => [...waiting].forEach((callback) => callback()),
  };
}

const postgres = postgresDatabases();
if (!postgres) void test('loose ends of a room’s history (PostgreSQL)', { skip: noPostgresReason() ?? true });

for (const databases of postgres ? [sqliteDatabases, postgres] : [sqliteDatabases]) {
  describe(`loose ends of a room’s history (${databases.label})`, () => {
    const clock = minutesByHand();
    let stage: Stage;
    const told: any[] = [];
    before(async () => {
      stage = await Stage.open({ config: { dummy_events_threshold: threshold }, clock, databases });
      stage.stranger.answersUnder.set('/_matrix/federation/v1/send/', (_, body) => {
        told.push(...(body as { pdus: any[] }).pdus);
        return { pdus: {} };
      });
    });
    after(() => stage.close());

    /** What the homeserver has not seen followed by anything. */
    const looseEnds = async (room: HostileRoom): Promise<readonly string[]> => {
      const { rooms } = stage.home.server.needs;
      const identity = await rooms.ids.find(room.roomId);
      assert.ok(identity);
      return rooms.inTurn(identity, ({ head }) => Promise.resolve(head.extremities.map(({ eventId }) => eventId)));
    };
    /** Mallory says things side by side, each as if she had not said the others. */
    const frays = async (room: HostileRoom, ends: number): Promise<readonly string[]> => {
      const messages = Array.from({ length: ends }, (_, index) => room.message(`branch ${index}`));
      await stage.sends({ pdus: messages.map(({ pdu }) => pdu) });
      const seen = new Set<string>();
      await room.alice.syncsUntil((answer) => {
        for (const event of answer.rooms?.join?.[room.roomId]?.timeline?.events ?? []) seen.add(event.event_id);
        return messages.every(({ eventId }) => seen.has(eventId));
      }, longTimelines);
      return messages.map(({ eventId }) => eventId);
    };
    /** What the stranger was told of a type of event in a room. */
    const toldOf = (room: HostileRoom, type: string): any[] =>
      told.filter((pdu) => pdu.type === type && pdu.room_id === room.roomId);
    /** Alice says something, and the stranger has heard of it and of all before. */
    const saysToAll = async (room: HostileRoom, body: string): Promise<string> => {
      const eventId = await room.alice.says(body, room.roomId);
      for (let round = 0; round < 400; round++) {
        if (toldOf(room, 'm.room.message').some(({ content }) => content.body === body)) return eventId;
        await aMoment();
      }
      throw new Error(`${stranger} never hears of ${body}`);
    };

    test('an event that no client sees ties them together', async () => {
      const room = await stage.room('10');
      const bob = await stage.home.person('bob');
      await bob.joins(room.roomId);
      // Bob's coming in is one more.
      await frays(room, threshold - 1);
      clock.minutePasses();
      await saysToAll(room, 'not yet');
      assert.deepEqual(toldOf(room, dummy), [], 'as many as allowed');

      const ends = await frays(room, threshold + 3);
      await bob.syncs();
      await bob.post(`/rooms/${encodeURIComponent(room.roomId)}/receipt/m.read/${encodeURIComponent(ends.at(-1) ?? '')}`, {});
      await bob.syncs();
      const waits = bob.syncs({ timeout: 300 });
      clock.minutePasses();
      for (let round = 0; (await looseEnds(room)).length > 1 && round < 400; round++) await aMoment();
      const [tie, ...others] = await looseEnds(room);
      assert.ok(tie !== undefined && others.length === 0);

      assert.deepEqual((await waits).rooms?.join ?? {}, {}, 'nothing happened that concerns Bob');
      const said = await saysToAll(room, 'as if nothing had been');
      const [tieEvent] = toldOf(room, dummy);
      assert.equal(tieEvent.sender, room.alice.userId);
      assert.deepEqual(
        ends.filter((end) => !tieEvent.prev_events.includes(end)),
        [],
        'it follows all of them',
      );
      assert.deepEqual(toldOf(room, 'm.room.message').at(-1).prev_events, [tie]);

      const { rooms } = await bob.syncs();
      const timeline = rooms.join[room.roomId];
      assert.deepEqual(
        timeline.timeline.events.map((event: any) => event.event_id),
        [said],
      );
      assert.equal(timeline.timeline.limited, false);
      assert.equal(timeline.unread_notifications.notification_count, 1, 'only what Alice said');
      const page = await bob.get(`/rooms/${encodeURIComponent(room.roomId)}/messages`, { dir: 'b', limit: 100 });
      assert.ok(page.chunk.length > 10 && page.chunk.every(({ type }: any) => type !== dummy));
      const path = `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(tie)}`;
      assert.equal((await bob.request('GET', path)).status, 404);
    });

    test('more of them than an event may follow take several', async () => {
      const room = await stage.room('12');
      await frays(room, 45);
      clock.minutePasses();
      for (let round = 0; (await looseEnds(room)).length > threshold && round < 400; round++) await aMoment();
      assert.ok((await looseEnds(room)).length <= threshold);
      await saysToAll(room, 'together again');
      assert.ok(toldOf(room, dummy).length > 1 && toldOf(room, dummy).every((pdu) => pdu.prev_events.length <= 20));
    });

    test('where nobody here may say anything they stay', async () => {
      const room = await stage.room('10');
      const { alice, roomId } = room;
      const levels = await alice.get(`/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`);
      await alice.setsState(roomId, 'm.room.power_levels', {
        ...levels,
        users: { [alice.userId]: 60 },
        events: { ...levels.events, [dummy]: 61 },
      });
      await frays(room, threshold + 2);
      clock.minutePasses();
      await saysToAll(room, 'I may say this');
      assert.deepEqual(toldOf(room, dummy), []);
    });

    test('those of other servers are seen by nobody either', async () => {
      const room = await stage.room('11');
      const tie = room.event({ type: dummy, content: {} });
      const message = room.event({ prev: [tie.eventId] });
      const { body } = await stage.sends({ pdus: [tie.pdu, message.pdu] });
      assert.deepEqual(body.pdus, { [tie.eventId]: {}, [message.eventId]: {} });
      await room.settles();
      assert.deepEqual(await room.whatClientsSee(tie.eventId), { event: undefined, inTimeline: false });
      assert.equal((await room.whatClientsSee(message.eventId)).inTimeline, true);
      const { status, body: event } = await stage.asks('GET', `/_matrix/federation/v1/event/${encodeURIComponent(tie.eventId)}`);
      assert.equal(status, 200, 'servers get it');
      assert.equal(event.pdus[0].type, dummy);
    });
  });
}
