import assert from 'node:assert/strict';

import { MatrixError } from '@myelin/protocol/errors';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { expectSyncToConverge, SyncedClient } from '@myelin/testing';
import { forEachDatabase } from '@myelin/testing/databases';

import { createSeededRandom } from '../../platform/random.ts';
import type { EventDraft, RoomIdentity, Viewer } from '../../rooms/index.ts';
import { member, openHive, says, state, type Hive } from '../hive.fixture.ts';
import { openSync, type SyncOnHive, type SyncOptions } from './sync.fixture.ts';

const steps = 150;
const names = ['alice', 'bob', 'carol', 'dan', 'eve'];
/** Clients that ask in different ways; all must come to know the same. */
const habits: readonly SyncOptions[] = [
  {},
  { filter: { room: { timeline: { limit: 2 } } } },
  { useStateAfter: true, filter: { room: { timeline: { limit: 1 } } } },
  { filter: { room: { timeline: { limit: 3, not_types: ['m.room.member', 'm.room.topic'] } } } },
];

forEachDatabase('sync convergence', ({ test }) => {
  for (const seed of [1, 2, 3, 4]) {
    test(`whatever people do, and whenever clients look, they end up knowing the same (seed ${seed})`, async ({ database }) => {
      const random = createSeededRandom(seed);
      const hive = await openHive(database);
      const sync = openSync(hive);
      const people = await Promise.all(names.map((name) => sync.viewer(name)));
      const clients = people.flatMap((person) => habits.map((habit) => clientOf(sync, person, habit)));
      const rooms: RoomIdentity[] = [];
      const any = <T>(list: readonly T[]): T => list[random.integer(0, list.length)]!;
      for (let step = 0; step < steps; step++) {
        if (rooms.length < 3 && random.integer(0, 10) === 0) rooms.push(await makesARoom(hive, any(people)));
        const room = rooms.length > 0 ? any(rooms) : undefined;
        if (room) await tries(hive, room, anything(step, any(people), any(people), any));
        if (random.integer(0, 3) === 0) await any(clients).looks();
      }
      for (const client of clients) await client.converges();
    });
  }
});

/** Something that a person may try, allowed or not. */
function anything(step: number, one: Viewer, other: Viewer, any: <T>(list: readonly T[]) => T): EventDraft {
  const visibility = { history_visibility: any(['shared', 'joined', 'invited', 'world_readable']) };
  return any([
    () => says(one, `message ${step}`),
    () => says(one, `message ${step}`),
    () => member(one, 'join'),
    () => member(one, 'join'),
    () => member(one, 'leave'),
    () => member(one, 'knock'),
    () => state(one, 'm.room.member', { membership: any(['invite', 'leave', 'ban', 'invite']) }, other.userId),
    () => state(one, 'm.room.member', { membership: 'join', displayname: `name ${step}` }, one.userId),
    () => state(one, 'm.room.topic', { topic: `topic ${step}` }),
    () => state(one, 'm.room.name', any([{}, { name: `name ${step}` }])),
    () => state(one, 'm.room.history_visibility', visibility),
    () => state(one, 'm.room.join_rules', { join_rule: any(['public', 'invite', 'knock']) }),
  ])();
}

async function tries(hive: Hive, room: RoomIdentity, draft: EventDraft): Promise<void> {
  try {
    await hive.rooms.send(room, [draft]);
  } catch (error) {
    assert.ok(error instanceof MatrixError && error.errcode === 'M_FORBIDDEN', String(error));
  }
}

async function makesARoom(hive: Hive, founder: Viewer): Promise<RoomIdentity> {
  const rules = roomVersionRules('11');
  assert.ok(rules);
  const { identity } = await hive.rooms.create({
    rules,
    create: state(founder, 'm.room.create', { room_version: '11' }),
    followers: () => [
      member(founder, 'join'),
      // Anybody may do anything to anybody, so that much happens.
      state(founder, 'm.room.power_levels', { state_default: 0, ban: 0, kick: 0, users: { [founder.userId]: 100 } }),
      state(founder, 'm.room.join_rules', { join_rule: 'public' }),
    ],
  });
  return identity;
}

function clientOf(sync: SyncOnHive, viewer: Viewer, habit: SyncOptions): { looks(): Promise<void>; converges(): Promise<void> } {
  const client = new SyncedClient();
  const looks = async (): Promise<void> => client.hears(await sync.sync(viewer, { ...habit, since: client.nextBatch }));
  return {
    looks,
    async converges() {
      await looks();
      await looks();
      // The fresh one asks for the same kinds of event, and more of them.
      const filter = { room: { timeline: { ...habit.filter?.room?.timeline, limit: 30 } } };
      const get = (_path: string, query: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
        sync.sync(viewer, { filter, since: query['since'] as string | undefined });
      await expectSyncToConverge({ userId: viewer.userId, client, get });
    },
  };
}
