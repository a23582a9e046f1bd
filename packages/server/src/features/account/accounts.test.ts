import assert from 'node:assert/strict';

import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { type Database, Interner } from '../../platform/database/index.ts';
import { type ManagedAccounts, openAccounts } from './accounts.ts';

function open(database: Database): ManagedAccounts {
  const caches = new CacheBudget(1e6);
  const names = new Interner(database, caches);
  return openAccounts({ database, names, caches, clock: createTestClock(), serverName: 'hive.example' as ServerName });
}

const of = (localpart: string) => `@${localpart}:hive.example` as UserId;

forEachDatabase('accounts', ({ test }) => {
  test('Alice is known, Bob is not, and who lives elsewhere is not ours', async ({ database }) => {
    const accounts = open(database);
    await accounts.create({ userId: of('alice') });
    assert.ok(await accounts.exists(of('alice')));
    assert.ok(!(await accounts.exists(of('bob'))));
    assert.equal(await accounts.find('@alice:elsewhere.example' as UserId), undefined);
    await assert.rejects(accounts.create({ userId: of('alice') }), { errcode: 'M_USER_IN_USE' });
  });

  test('what changes is known at once, and told to who listens', async ({ database }) => {
    const accounts = open(database);
    const alice = await accounts.create({ userId: of('alice') });
    const told: string[] = [];
    accounts.onChanged(({ userId }) => void told.push(userId));
    await accounts.change(alice, { isAdmin: true, isSuspended: true, userType: 'bot' });
    const now = await accounts.find(alice.userId);
    assert.deepEqual([now?.isAdmin, now?.isSuspended, now?.isLocked, now?.userType], [true, true, false, 'bot']);
    await accounts.change(alice, { userType: null });
    assert.equal((await accounts.find(alice.userId))?.userType, undefined);
    assert.deepEqual(told, [alice.userId, alice.userId]);
  });

  test('names from before the strict grammar are found as people type them', async ({ database }) => {
    const accounts = open(database);
    await accounts.create({ userId: of('Alice') });
    await accounts.create({ userId: of('BOB') });
    await accounts.create({ userId: of('Bob') });
    assert.equal((await accounts.findTyped('alice'))?.userId, of('Alice'));
    assert.equal((await accounts.findTyped('@ALICE:hive.example'))?.userId, of('Alice'));
    assert.equal((await accounts.findTyped('Bob'))?.userId, of('Bob'));
    assert.equal(await accounts.findTyped('bob'), undefined, 'which of the two?');
    for (const nobody of ['', '@', 'a:b', '@alice', '@alice:elsewhere.example', 'a\0b', '\ud800']) {
      assert.equal(await accounts.findTyped(nobody), undefined, JSON.stringify(nobody));
    }
  });
});
