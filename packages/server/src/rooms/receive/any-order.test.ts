import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { createSeededRandom } from '../../platform/random.ts';
import { isSettled, membershipsAgree, randomRoom, settledBy, someOrder } from './random-room.fixture.ts';
import { enters, roomsOver, storyIn } from './room-story.fixture.ts';

forEachDatabase('events in any order', ({ test, dialect }) => {
  const seeds = dialect === 'sqlite' ? [1, 2, 3] : [1];
  for (const version of ['1', '2', '10', '12']) {
    for (const seed of seeds) {
      test(`a room of version ${version} ends up the same in whatever order its events come (seed ${seed})`, async ({
        database,
      }) => {
        const random = createSeededRandom(seed * 100 + Number(version));
        const { others, join, sent } = randomRoom(version, 30, random);
        const { settled, isAllowed } = settledBy(others, join, sent);
        const rooms = await roomsOver(database, others);
        const room = await enters(rooms, others, join);
        const at = storyIn(rooms, room, others, join);
        const hiding = isAllowed && random.integer(0, 2) === 0;
        for (const eventId of someOrder(others, sent, random)) {
          // Some come by way of those that follow them.
          if (hiding && random.integer(0, 4) === 0) continue;
          assert.match(await at.receives(eventId), /^(accepted|soft-failed|known)/);
        }
        await at.receives(settled);
        await isSettled(at, settled);
        await membershipsAgree(at);
      });
    }
  }
});
