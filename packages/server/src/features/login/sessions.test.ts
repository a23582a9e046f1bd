import assert from 'node:assert/strict';

import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { type Database, Interner, sql } from '../../platform/database/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';
import { systemRandom } from '../../platform/random.ts';
import { openAccounts } from '../account/index.ts';
import { openDevices } from '../devices/index.ts';
import { openSessions } from './sessions.ts';

const caller = { ip: '192.0.2.1', userAgent: 'a client' };

async function open(database: Database, options: { readonly cacheBytes?: number } = {}) {
  const caches = new CacheBudget(options.cacheBytes ?? 1e6);
  const clock = createTestClock();
  const names = new Interner(database, caches);
  const accounts = openAccounts({ database, names, caches, clock, serverName: 'hive.example' as ServerName });
  const devices = openDevices({ database, clock });
  const config = {
    session_lifetime: null,
    refreshable_access_token_lifetime: 60_000,
    refresh_token_lifetime: null,
    nonrefreshable_access_token_lifetime: null,
  };
  const sessions = openSessions({ config, database, caches, clock, random: systemRandom, accounts, devices });
  const alice = await accounts.create({ userId: '@alice:hive.example' as UserId });
  const who = async (token: string): Promise<UserRequester | undefined> => sessions.authenticator.authenticate(token, caller);
  return { accounts, devices, sessions, clock, alice, who };
}

forEachDatabase('sessions', ({ test }) => {
  test('a token that was used once is known at once', async ({ database }) => {
    const { sessions, alice, who } = await open(database);
    const { accessToken } = await sessions.open(alice, {});
    const first = await who(accessToken);
    const second = sessions.authenticator.authenticate(accessToken, caller);
    assert.equal(second, first, 'no promise, the same requester');
    assert.equal(await who('made up'), undefined);
  });

  test('locking, suspending and unlocking are felt by the next request', async ({ database }) => {
    const { accounts, sessions, alice, who } = await open(database);
    const { accessToken, refreshToken } = await sessions.open(alice, { refreshable: true });
    assert.equal((await who(accessToken))?.locked, false);
    await accounts.change(alice, { isLocked: true, isSuspended: true, isShadowBanned: true, isAdmin: true });
    const now = await who(accessToken);
    assert.deepEqual([now?.locked, now?.suspended, now?.shadowBanned, now?.isAdmin], [true, true, true, true]);
    await assert.rejects(sessions.refresh(refreshToken ?? ''), { errcode: 'M_USER_LOCKED' });
    await accounts.change(alice, { isLocked: false });
    assert.equal((await who(accessToken))?.locked, false, 'the session was kept');
  });

  test('what hangs on a device goes with it, in the same transaction', async ({ database }) => {
    const { devices, sessions, alice, who } = await open(database);
    const { accessToken, deviceId } = await sessions.open(alice, { deviceId: 'PHONE' as DeviceId });
    const { accessToken: other } = await sessions.open(alice, {});
    const told: string[] = [];
    devices.onDeleted((tx, deleted) => {
      told.push(`${deleted.user.userId} ${deleted.deviceIds.join()}`);
      tx.onCommit(() => told.push('committed'));
    });
    await who(accessToken);
    await devices.delete(alice, [deviceId, 'NOTTHERE' as DeviceId]);
    assert.deepEqual(told, ['@alice:hive.example PHONE', 'committed']);
    assert.equal(await who(accessToken), undefined);
    assert.ok(await who(other));
    await devices.delete(alice, [deviceId]);
    assert.equal(told.length, 2, 'gone is gone');
  });

  test('a device is noted as seen at most every two minutes', async ({ database }) => {
    const { devices, sessions, clock, alice, who } = await open(database);
    const { accessToken, deviceId } = await sessions.open(alice, {});
    const start = clock.now();
    const noted = async () => {
      await devices.writeSightings();
      return (await devices.get(alice.userNid, deviceId))?.lastSeen;
    };
    await who(accessToken);
    assert.deepEqual(await noted(), { ts: start, ip: caller.ip, userAgent: caller.userAgent });
    clock.advance(119_999);
    await who(accessToken);
    assert.equal((await noted())?.ts, start);
    clock.advance(1);
    await who(accessToken);
    assert.equal((await noted())?.ts, start + 120_000);
  });

  test('where a device was is known while it is being written, and when writing failed', async ({ database }) => {
    const { clock, alice, sessions } = await open(database);
    const { deviceId } = await sessions.open(alice, {});
    const disk = Promise.withResolvers<void>();
    const slow = new Proxy(database, {
      get: (target, name) => {
        if (name === 'write') return () => disk.promise;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const devices = openDevices({ database: slow, clock });
    const sighting = { ts: clock.now(), ...caller };
    devices.seen(alice.userNid, deviceId, sighting);
    const written = devices.writeSightings();
    assert.deepEqual((await devices.get(alice.userNid, deviceId))?.lastSeen, sighting);
    disk.reject(new Error('no space is left'));
    await assert.rejects(written, /no space/);
    assert.deepEqual((await devices.get(alice.userNid, deviceId))?.lastSeen, sighting);
  });

  test('tokens are good beyond what memory holds, and stand hashed in the database', async ({ database }) => {
    const { sessions, alice, who } = await open(database, { cacheBytes: 2_000 });
    const tokens = await Promise.all(Array.from({ length: 10 }, async () => (await sessions.open(alice, {})).accessToken));
    for (let round = 0; round < 2; round++) {
      for (const token of tokens) assert.equal((await who(token))?.userId, alice.userId);
    }
    const rows = await database.all(sql<{ token_hash: Uint8Array }>`SELECT token_hash FROM access_tokens`);
    assert.equal(rows.length, 10);
    assert.ok(rows.every(({ token_hash }) => token_hash.length === 32));
  });

  test('a refreshed session remembers that its user was proved', async ({ database }) => {
    const { sessions, clock, alice, who } = await open(database);
    const { refreshToken, accessToken } = await sessions.open(alice, { refreshable: true });
    const requester = await who(accessToken);
    assert.ok(requester);
    clock.advance(1000);
    await sessions.proved(requester);
    const refreshed = await who((await sessions.refresh(refreshToken ?? '')).accessToken);
    assert.ok(refreshed);
    assert.equal(refreshed.tokenId, requester.tokenId);
    assert.equal(await sessions.lastProvedTs(refreshed), clock.now());
  });
});
