import assert from 'node:assert/strict';

import type { ServerName, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { type Database, Interner } from '../../platform/database/index.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { openAccounts } from './accounts.ts';
import { type AccountHooks, createDeactivation } from './deactivate-account.ts';

const alice = '@alice:hive.example' as UserId;

function open(database: Database, onDeactivated: AccountHooks['onDeactivated']) {
  const caches = new CacheBudget(1e6);
  const names = new Interner(database, caches);
  const accounts = openAccounts({ database, names, caches, clock: createTestClock(), serverName: 'hive.example' as ServerName });
  const sessions = { endAllIn: async () => undefined };
  const deactivation = createDeactivation({ database, accounts, sessions, hooks: { onDeactivated }, logger: silentLogger });
  return { accounts, deactivation };
}

forEachDatabase('deactivation', ({ test }) => {
  test('what goes wrong while Alice leaves is done when the server is back', async ({ database, reopen }) => {
    const first = open(database, [() => Promise.reject(new Error('a room does not answer'))]);
    const account = await first.accounts.create({ userId: alice, passwordHash: 'x', isAdmin: true });
    await first.deactivation.deactivate(account, { erase: true });
    await first.deactivation.settled();
    assert.ok(await first.accounts.isDeactivated(alice));
    assert.ok(!(await first.accounts.isAdmin(alice)));

    const left: string[] = [];
    const second = open(await reopen(), [
      async ({ userId, isErased }) => void left.push(`${userId} ${isErased ? 'wants to be forgotten' : 'is gone'}`),
    ]);
    await second.deactivation.resume();
    await second.deactivation.resume();
    assert.deepEqual(left, ['@alice:hive.example wants to be forgotten']);
  });
});
