import assert from 'node:assert/strict';

import type { ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { stranger } from '../../federation/outbound/outbound.fixture.ts';
import { member, openHive, says, type Hive } from '../hive.fixture.ts';
import { presenceFeature, type PresenceNeeds } from './index.ts';

const elsewhere = 'elsewhere.example' as ServerName;
const turns = () => new Promise((resolve) => setImmediate(resolve));
const settings: PresenceNeeds['config']['presence'] = {
  enabled: true,
  include_offline_users_on_sync: false,
  last_active_granularity: 60_000,
  sync_online_timeout: 30_000,
  idle_timeout: 300_000,
  presence_router: null,
};

async function presenceOf(hive: Hive) {
  const feature = await presenceFeature({
    ...hive,
    limiters: {},
    profiles: { of: async () => undefined },
    config: { presence: settings, exclude_rooms_from_presence: [] },
  });
  const hear = (push: unknown, origin = elsewhere) =>
    feature.edus?.['m.presence']?.({ type: 'm.presence', content: { push: push as never }, origin });
  const told = async (userNid: number) => (await feature.presence.toldOf([userNid])).get(userNid);
  return { feature, presence: feature.presence, hear, told };
}

forEachDatabase('presence across servers', ({ test }) => {
  test('a server tells how its own users are; it is believed for a while', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const carol = await stranger(hive, 'carol', elsewhere);
    const dora = await stranger(hive, 'dora', elsewhere);
    await hive.rooms.send(room, [member(carol, 'join')]);
    const { presence, hear, told } = await presenceOf(hive);
    const online = (userId: string) => ({ user_id: userId, presence: 'online', last_active_ago: 5000, currently_active: true });
    await hear([online(alice.userId), online(dora.userId), { ...online(carol.userId), presence: 'asleep' }, 7]);
    await hear([online(carol.userId)], 'third.example' as ServerName);
    await hear('nonsense');
    for (const { userNid } of [alice, carol, dora]) assert.equal(await told(userNid), undefined);
    await hear([{ ...online(carol.userId), status_msg: 'making tea' }]);
    assert.deepEqual(await told(carol.userNid), {
      userId: carol.userId,
      state: 'online',
      currentlyActive: true,
      lastActiveTs: hive.clock.now() - 5000,
      statusMsg: 'making tea',
    });
    // No timer of ours makes them idle, and no message of theirs either.
    hive.clock.advance(29 * 60_000);
    await presence.tick();
    await hive.rooms.send(room, [says(carol, 'hello')]);
    await turns();
    assert.equal((await told(carol.userNid))?.state, 'online');
    hive.clock.advance(2 * 60_000);
    await presence.tick();
    assert.equal((await told(carol.userNid))?.state, 'offline', 'a server that is gone takes its users with it');
    assert.deepEqual(hive.sentEdus, []);
  });

  test('other servers hear how ours are, and again before they forget it', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { feature, presence } = await presenceOf(hive);
    await presence.set(alice, 'online', 'here');
    await turns();
    assert.deepEqual(hive.sentEdus.splice(0), [
      {
        type: 'm.presence',
        content: {
          push: [{ user_id: alice.userId, presence: 'online', last_active_ago: 0, currently_active: true, status_msg: 'here' }],
        },
        roomNids: [room.nid],
      },
    ]);
    await feature.jobs?.find(({ name }) => name === 'presence elsewhere')?.run();
    assert.equal(hive.sentEdus.splice(0).length, 1);
  });

  test('a server whose user comes in hears who is there', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { presence } = await presenceOf(hive);
    await presence.set(alice, 'online', undefined);
    await turns();
    hive.sentEdus.length = 0;
    const told: { servers: readonly string[]; user: unknown }[] = [];
    hive.outgoingEdus.toServers = (servers, { content }) =>
      void told.push({ servers: [...servers], user: (content['push'] as { user_id?: string }[])[0]?.user_id });
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    while (told.length === 0) await turns();
    assert.deepEqual(told, [{ servers: [elsewhere], user: alice.userId }]);
    const { room: another } = await hive.friendsInARoom();
    while (hive.sentEdus.length === 0) await turns();
    assert.deepEqual(hive.sentEdus[0]?.roomNids, [another.nid]);
  });
});
