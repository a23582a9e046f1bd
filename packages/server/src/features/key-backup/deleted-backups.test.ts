import assert from 'node:assert/strict';

import type { RoomId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { type Database, Interner, sql } from '../../platform/database/index.ts';
import { keyBackupJobs } from './key-backup.jobs.ts';
import { KeyBackups, type UploadedKey } from './key-backups.ts';

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2';
const [alice, bob] = [1, 2];

function keysOf(name: string, count: number): UploadedKey[] {
  return Array.from({ length: count }, (_, index) => ({
    roomId: `!room${index % 7}:hive.example` as RoomId,
    sessionId: `${name}-${index}`,
    firstMessageIndex: 0,
    forwardedCount: 0,
    isVerified: true,
    sessionData: { ciphertext: name },
  }));
}

function openBackups(database: Database): KeyBackups {
  return new KeyBackups({ database, names: new Interner(database, new CacheBudget(1_000_000)) });
}

/** How many keys there are of each user. */
async function storedKeys(database: Database): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of await database.all(sql<{ name: string }>`SELECT name FROM key_backup_keys`)) {
    const user = name.slice(0, name.indexOf('.'));
    counts[user] = (counts[user] ?? 0) + 1;
  }
  return counts;
}

async function clearsAway(database: Database): Promise<void> {
  for (const job of keyBackupJobs(database)) await job.run();
}

forEachDatabase('backups that are gone', ({ test }) => {
  test('the keys of deleted and emptied backups are cleared away, all others stay', async ({ database }) => {
    const backups = openBackups(database);
    await backups.keep(alice, String(await backups.create(alice, algorithm, {})), keysOf('deleted', 1_200));
    await backups.delete(alice, '1');
    await backups.keep(alice, String(await backups.create(alice, algorithm, {})), keysOf('emptied', 700));
    await backups.remove(alice, '2', {});
    await backups.keep(alice, '2', keysOf('kept', 30));
    await backups.keep(bob, String(await backups.create(bob, algorithm, {})), keysOf('kept', 20));
    await clearsAway(database);
    assert.deepEqual(await storedKeys(database), { [alice]: 30, [bob]: 20 });
    const { count, etag } = await backups.find(alice, '2');
    assert.deepEqual({ count, etag }, { count: 30, etag: 3 });
    await clearsAway(database);
    assert.deepEqual(await storedKeys(database), { [alice]: 30, [bob]: 20 });
  });

  test('who is gone leaves nothing but the knowledge which numbers were given', async ({ database }) => {
    const backups = openBackups(database);
    for (const who of [alice, bob])
      for (const _ of [1, 2]) await backups.keep(who, String(await backups.create(who, algorithm, {})), keysOf('kept', 20));
    await backups.forget(alice);
    await backups.forget(alice);
    await assert.rejects(backups.find(alice), { errcode: 'M_NOT_FOUND' });
    await clearsAway(database);
    assert.deepEqual(await storedKeys(database), { [bob]: 40 });
    assert.equal(await backups.create(alice, algorithm, {}), 3);
    await backups.delete(alice, '1');
    assert.equal((await backups.find(alice, '3')).count, 0);
  });
});
