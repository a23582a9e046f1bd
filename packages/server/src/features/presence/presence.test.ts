import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limitExceeded } from '@myelin/protocol/errors';
import type { DeviceId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { Viewer } from '../../rooms/index.ts';
import { member, openHive, says, type Hive } from '../hive.fixture.ts';
import { presenceFeature, type PresenceNeeds } from './index.ts';
import { nextChange, presenceAt, type ClientPresence } from './presence-rules.ts';
import { TimerWheel } from './timer-wheel.ts';

const timers = { idleMs: 300_000, activeMs: 60_000, goneMs: 30_000 };

test('the client that is most there speaks for its user', () => {
  const online: ClientPresence = { state: 'online', thereUntil: 1_000_000 };
  const away: ClientPresence = { state: 'unavailable', thereUntil: 1_000_000 };
  const at = (clients: ClientPresence[], lastActiveTs: number, now: number) => presenceAt({ clients, lastActiveTs }, now, timers);
  assert.deepEqual(at([away, online], 500_000, 500_001), { state: 'online', currentlyActive: true });
  assert.deepEqual(at([away, online], 500_000, 560_000), { state: 'online', currentlyActive: false });
  assert.deepEqual(at([away, online], 500_000, 800_000), { state: 'unavailable', currentlyActive: false });
  assert.deepEqual(at([away], 500_000, 500_001), { state: 'unavailable', currentlyActive: false });
  assert.deepEqual(at([away, online], 500_000, 1_000_000), { state: 'offline', currentlyActive: false });
  assert.deepEqual(at([online], 999_999, 1_000_001), { state: 'online', currentlyActive: true });
  assert.deepEqual(at([], 500_000, 500_001), { state: 'offline', currentlyActive: false });
});

test('time changes a verdict at the moments that were foretold, and at no others', () => {
  const user = { clients: [{ state: 'online', thereUntil: 400_000 } as const], lastActiveTs: 1000 };
  const moments: number[] = [];
  for (let now: number | undefined = 1000; now !== undefined; now = nextChange(user, now, timers)) moments.push(now);
  assert.deepEqual(moments, [1000, 61_000, 301_000, 400_000]);
});

test('a wheel gives everybody their turn, not early', () => {
  const wheel = new TimerWheel(5000);
  wheel.add(1, 12_000);
  wheel.add(1, 12_001);
  wheel.add(2, 20_000);
  assert.deepEqual([...wheel.take(14_999)], []);
  assert.deepEqual([...wheel.take(15_000)], [1]);
  assert.deepEqual([...wheel.take(60_000)], [2]);
});

const usual: PresenceNeeds['config']['presence'] = {
  enabled: true,
  include_offline_users_on_sync: false,
  last_active_granularity: timers.activeMs,
  sync_online_timeout: timers.goneMs,
  idle_timeout: timers.idleMs,
  presence_router: null,
};

const never: Limiter = {
  check: () => undefined,
  record: () => undefined,
  limit: () => {
    throw limitExceeded(1000);
  },
};

async function presenceOf(
  hive: Hive,
  settings: Partial<PresenceNeeds['config']['presence']> = {},
  more: Partial<PresenceNeeds> = {},
) {
  const feature = await presenceFeature({
    ...hive,
    limiters: {},
    profiles: { of: async () => ({ displayname: 'Somebody', avatarUrl: undefined }) },
    config: { presence: { ...usual, ...settings }, exclude_rooms_from_presence: [] },
    ...more,
  });
  const [source] = feature.sync ?? [];
  assert.ok(source);
  const [job] = feature.jobs ?? [];
  assert.ok(job);
  /** Lets time pass, in the steps in which the server looks at it. */
  const passes = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= job.everyMs) {
      hive.clock.advance(Math.min(left, job.everyMs));
      await job.run();
    }
  };
  return { feature, presence: feature.presence, source, passes };
}

function told(part: { presence?: readonly string[] }): [sender: string, content: Record<string, unknown>][] {
  return (part.presence ?? []).map((text) => {
    const { sender, content } = JSON.parse(text) as { sender: string; content: Record<string, unknown> };
    return [sender, content];
  });
}

forEachDatabase('presence', ({ test }) => {
  test('Bob sees Alice come, grow quiet, go away and leave', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { presence, source, passes } = await presenceOf(hive);
    let since = source.now();
    const news = async (viewer: Viewer = bob, rooms = [room.nid]) => {
      const part = await source.changes(hive.scope(viewer, rooms), since, source.now());
      return told(part).map(([sender, content]) => [sender, content['presence'], content['currently_active']]);
    };
    await presence.seen(alice, 'online');
    assert.deepEqual(await news(), [[alice.userId, 'online', true]]);
    assert.deepEqual(await news(mallory, []), []);
    since = source.now();
    const stays = async (ms: number) => {
      for (let left = ms; left > 0; left -= 25_000) {
        await presence.seen(alice, 'online', 25_000);
        await passes(Math.min(left, 25_000));
      }
    };
    await stays(50_000);
    assert.deepEqual(await news(), []);
    await stays(15_000);
    assert.deepEqual(await news(), [[alice.userId, 'online', false]]);
    await stays(300_000);
    assert.deepEqual(await news(), [[alice.userId, 'unavailable', undefined]]);
    await hive.rooms.send(room, [says(alice, 'I am back')]);
    assert.deepEqual(await news(), [[alice.userId, 'online', true]]);
    await passes(100_000);
    assert.deepEqual(await news(), [[alice.userId, 'offline', undefined]]);
    since = source.now();
    await hive.rooms.send(room, [says(alice, 'by a program')]);
    assert.deepEqual(await news(), []);
  });

  test('a status is kept over a restart, and so is who was there', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const first = await presenceOf(hive);
    const beforeAll = first.source.now();
    await first.presence.set(alice, 'online', 'at sea');
    await first.presence.seen(bob, 'online');
    await first.feature.stop?.();

    const later = await openHive(await reopen());
    later.clock.advance(1000);
    const { presence, source, passes } = await presenceOf(later);
    assert.ok(source.now() > first.source.now());
    const [, content] = told(await source.everything(later.scope(bob, [room.nid]), source.now())).find(
      ([sender]) => sender === alice.userId,
    ) ?? ['', {}];
    assert.deepEqual(content, {
      displayname: 'Somebody',
      presence: 'online',
      last_active_ago: 1000,
      currently_active: false,
      status_msg: 'at sea',
    });
    await passes(40_000);
    assert.equal((await presence.look(bob, alice.userId))?.state, 'offline');
    const states = told(await source.changes(later.scope(bob, [room.nid]), beforeAll, source.now()));
    assert.deepEqual(
      new Map(states.map(([sender, { presence: state }]) => [sender, state])),
      new Map([
        [alice.userId, 'offline'],
        [bob.userId, 'offline'],
      ]),
    );
    await presence.seen(alice, 'online');
    assert.equal((await presence.look(bob, alice.userId))?.statusMsg, 'at sea');
  });

  test('strangers see nothing until they share a room; excluded rooms do not count', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob, mallory } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { presence, source } = await presenceOf(hive);
    await presence.seen(mallory, 'online');
    await assert.rejects(presence.look(alice, mallory.userId), { errcode: 'M_FORBIDDEN' });
    const since = source.now();
    const scope = hive.scope(alice, [room.nid]);
    assert.deepEqual(told(await source.everything(scope, source.now())), []);
    await hive.rooms.send(room, [member(mallory, 'join')]);
    for (const part of [
      await source.changes(scope, since, source.now()),
      await source.everything(scope, source.now()),
      await source.changes(hive.scope(alice, [room.nid], [room.nid]), source.now(), source.now()),
    ]) {
      assert.deepEqual(
        told(part).map(([sender]) => sender),
        [mallory.userId],
      );
    }
    assert.equal((await presence.look(alice, mallory.userId))?.state, 'online');

    const config = { presence: usual, exclude_rooms_from_presence: [room.roomId] };
    const hidden = await presenceOf(hive, {}, { config });
    const before = hidden.source.now();
    await hidden.presence.seen(bob, 'online');
    assert.deepEqual(told(await hidden.source.changes(scope, before, hidden.source.now())), []);
    assert.deepEqual(told(await hidden.source.everything(scope, hidden.source.now())), []);
    await assert.rejects(hidden.presence.look(alice, bob.userId), { errcode: 'M_FORBIDDEN' });
  });

  test('two devices of one user, and one that changes its mind too often', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { presence, passes } = await presenceOf(hive, {}, { limiters: { 'rc_presence.per_user': never } });
    const phone = { ...alice, deviceId: 'PHONE' as DeviceId };
    const laptop = { ...alice, deviceId: 'LAPTOP' as DeviceId };
    const state = async () => (await presence.look(alice, alice.userId))?.state;
    await presence.seen(phone, 'unavailable');
    assert.equal(await state(), 'unavailable');
    await presence.seen(laptop, 'online', 1000);
    assert.equal(await state(), 'online');
    await presence.seen(laptop, 'unavailable', 1000);
    assert.equal(await state(), 'online');
    await presence.seen(phone, 'unavailable', 60_000);
    await passes(35_000);
    assert.equal(await state(), 'unavailable');
    await presence.set(laptop, 'online', 'here');
    await presence.seen(laptop, 'offline');
    assert.equal(await state(), 'online');
    await presence.set(laptop, 'offline', undefined);
    assert.equal(await state(), 'unavailable');
    assert.equal((await presence.look(alice, alice.userId))?.statusMsg, undefined);
  });

  test('switched off, or left to modules', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    for (const enabled of [false, 'untracked'] as const) {
      const { presence, source } = await presenceOf(hive, { enabled });
      await presence.seen(alice, 'online');
      await presence.set(alice, 'online', 'hello?');
      assert.deepEqual(await source.everything(hive.scope(bob, [room.nid]), source.now()), {});
      assert.equal(await presence.look(bob, alice.userId), undefined);
    }
  });

  test('who ignores Alice does not see her; who asks for the offline sees them', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { presence, source, passes } = await presenceOf(hive, { include_offline_users_on_sync: true });
    await presence.seen(alice, 'online');
    hive.rooms.hooks.ignoredUsers = async () => new Set([alice.userId]);
    assert.deepEqual(await source.everything(hive.scope(bob, [room.nid]), source.now()), {});
    hive.rooms.hooks.ignoredUsers = async () => new Set();
    await passes(200_000);
    const [gone] = told(await source.everything(hive.scope(bob, [room.nid]), source.now()));
    assert.equal(gone?.[1]['presence'], 'offline');
  });
});
