import assert from 'node:assert/strict';

import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import { forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { createTestClock } from '../../platform/clock.ts';
import { joinsFromElsewhere } from '../servers.fixture.ts';
import { FillGaps } from './fill-gaps.ts';

type Receiving = TestHomeserver['server']['needs']['rooms']['receiving'];

/** A room with a gap right behind depth 50, and servers that may fill it. */
async function roomWithAGap(homeserver: TestHomeserver, brings: () => Promise<number>) {
  const { needs } = homeserver.server;
  const alice = await homeserver.person('alice');
  const roomId = await alice.createsRoom({ preset: 'public_chat' });
  await joinsFromElsewhere(homeserver, roomId, '@rob:elsewhere.example');
  const room = (await needs.rooms.ids.find(roomId)) ?? assert.fail();
  const asked: (readonly ServerName[])[] = [];
  const receiving: Pick<Receiving, 'gaps' | 'backfill'> = {
    gaps: async () => [{ eventId: '$missing' as EventId, depth: 50 }],
    backfill: async (_room, { servers }) => {
      asked.push(servers);
      return brings();
    },
  };
  const clock = createTestClock();
  const rooms = { receiving: receiving as Receiving, partial: needs.rooms.partial };
  const fillGaps = new FillGaps({ ...needs, clock, rooms });
  const read = (from: number, to: number, atEnd = false): Promise<boolean> =>
    fillGaps.fill(room, {
      from: { order: 'topological', depth: from, position: 1 },
      stoppedAt: { order: 'topological', depth: to, position: 1 },
      atEnd,
    });
  return { asked, clock, read };
}

forEachHomeserver('gaps in the past', ({ test }) => {
  test('others are asked where somebody reads over a gap, and nowhere else', async ({ homeserver }) => {
    const { asked, read } = await roomWithAGap(homeserver, async () => 5);
    assert.equal(await read(90, 60), false);
    assert.equal(await read(40, 20), false);
    assert.deepEqual(asked, []);
    assert.equal(await read(60, 40), true);
    assert.equal(await read(90, 60, true), true);
    assert.deepEqual(asked, [['elsewhere.example'], ['elsewhere.example']]);
  });

  test('who comes while others are being asked waits for the same answer', async ({ homeserver }) => {
    const answer = Promise.withResolvers<number>();
    const { asked, read } = await roomWithAGap(homeserver, () => answer.promise);
    const both = [read(60, 40), read(60, 40)];
    answer.resolve(3);
    assert.deepEqual(await Promise.all(both), [true, true]);
    assert.equal(asked.length, 1);
  });

  test('servers that have nothing are asked ever more rarely', async ({ homeserver }) => {
    let brought = 0;
    const { asked, clock, read } = await roomWithAGap(homeserver, async () => brought);
    assert.equal(await read(60, 40), false);
    assert.equal(await read(60, 40), false);
    assert.equal(asked.length, 1);
    clock.advance(5_001);
    assert.equal(await read(60, 40), false);
    clock.advance(5_001);
    assert.equal(await read(60, 40), false);
    assert.equal(asked.length, 2);
    clock.advance(5_001);
    brought = 1;
    assert.equal(await read(60, 40), true);
    assert.equal(await read(60, 40), true);
    assert.equal(asked.length, 4);
  });
});
