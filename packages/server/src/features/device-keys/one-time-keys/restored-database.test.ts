import assert from 'node:assert/strict';
import { copyFile, rm } from 'node:fs/promises';

import { sql } from '@myelin/server/platform/database';
import { forEachHomeserver, type Person, type TestHomeserver } from '@myelin/testing/homeserver';

import { claims, DeviceCrypto } from '../key-ring.fixture.ts';

const olm = 'signed_curve25519';
/** What a client is told that its device has. */
const stockOf = async (person: Person) => {
  const { device_one_time_keys_count: counts, device_unused_fallback_key_types: unused } = await person.syncs();
  return { left: counts[olm], unused };
};
const full = { left: 3, unused: [olm] };
const empty = { left: 0, unused: [] };

/** Alice and Bob, each with three one-time keys and a fallback key. */
async function friendsWithKeys(homeserver: TestHomeserver): Promise<{ alice: Person; bob: Person; crypto: DeviceCrypto }> {
  const { alice, bob } = await homeserver.twoFriendsInARoom();
  const crypto = new DeviceCrypto(alice);
  for (const each of [crypto, new DeviceCrypto(bob)]) {
    await each.publishes(3);
    await each.person.post('/keys/upload', { fallback_keys: each.fallbackKey(1) });
    assert.deepEqual(await stockOf(each.person), full);
  }
  return { alice, bob, crypto };
}

/** The file of SQLite, which can be copied while the server is stopped. */
function fileOf({ server }: TestHomeserver): string {
  const { database } = server.needs.config;
  assert.ok(database.name === 'sqlite3');
  return database.file;
}

async function putBack(file: string): Promise<void> {
  await copyFile(`${file}.copy`, file);
  for (const end of ['-wal', '-shm']) await rm(file + end, { force: true });
}

forEachHomeserver('a database that was restored', ({ testWith, dialect }) => {
  testWith('a restart leaves the keys as they are', {}, async ({ homeserver }) => {
    const { alice, bob } = await friendsWithKeys(homeserver);
    await claims(bob, alice);
    await homeserver.restart();
    assert.deepEqual(await stockOf(alice), { ...full, left: 2 });
    assert.deepEqual(await stockOf(bob), full);
  });

  testWith('that knows of fewer claims than the file beside it holds keys that nobody gets', {}, async ({ homeserver }) => {
    const { alice, bob, crypto } = await friendsWithKeys(homeserver);
    await claims(bob, alice);
    await homeserver.server.needs.database.write((tx) => tx.run(sql`UPDATE one_time_key_claims SET claims = 0`));
    await homeserver.restart();
    for (const person of [alice, bob]) assert.deepEqual(await stockOf(person), empty);
    assert.deepEqual(await claims(bob, alice), Object.entries(crypto.fallbackKey(1))[0], 'the fallback key still serves');
    await alice.post('/keys/upload', { one_time_keys: crypto.oneTimeKeys(3), fallback_keys: crypto.fallbackKey(2) });
    await homeserver.restart();
    assert.deepEqual(await stockOf(alice), full, 'what was uploaded since is good');
  });

  testWith('whoever loses the file loses the certainty, unless no key was ever given out', {}, async ({ homeserver }) => {
    const { alice, bob } = await friendsWithKeys(homeserver);
    const losesTheFile = () => rm(homeserver.server.needs.config.one_time_key_claims_path ?? '');
    await losesTheFile();
    await homeserver.restart();
    assert.deepEqual(await stockOf(alice), full);
    await claims(bob, alice);
    await losesTheFile();
    await homeserver.restart();
    assert.deepEqual(await stockOf(alice), empty);
  });

  testWith(
    'a client from the time that is lost is told everything anew, and its own keys are void',
    {},
    async ({ homeserver }) => {
      const { alice, bob } = await friendsWithKeys(homeserver);
      const future = bob.since?.replace(/^s(\d+)/, (_, events: string) => `s${Number(events) + 5}`);
      const { rooms, device_lists, device_one_time_keys_count, next_batch } = await bob.get('/sync', { since: future ?? '' });
      assert.equal(Object.keys(rooms.join).length, 1);
      const changed = new Set(device_lists.changed);
      assert.deepEqual(changed, new Set([alice.userId, bob.userId]), 'his lists may be of the lost time too');
      assert.deepEqual(device_one_time_keys_count, { [olm]: 0 });
      assert.notEqual(next_batch, future);
      bob.since = next_batch;
      assert.deepEqual(await stockOf(bob), empty);
      assert.deepEqual(await stockOf(alice), full, 'she has not been there');
    },
  );

  if (dialect === 'postgres') return;

  testWith('a copy of the file that is put back gives no key a second time', {}, async ({ homeserver }) => {
    const { alice, bob, crypto } = await friendsWithKeys(homeserver);
    const file = fileOf(homeserver);
    await homeserver.restart(() => copyFile(file, `${file}.copy`));
    assert.deepEqual(await stockOf(alice), full, 'to be copied harms nothing');
    const [given] = (await claims(bob, alice)) ?? [];
    await homeserver.restart(() => putBack(file));
    const [again] = (await claims(bob, alice)) ?? [];
    assert.deepEqual([given === again, again], [false, Object.keys(crypto.fallbackKey(1))[0]]);
    assert.deepEqual([await stockOf(alice), await stockOf(bob)], [empty, empty]);
  });

  testWith('a copy from before the last messages is noticed by those who have read them', {}, async ({ homeserver }) => {
    const { alice, bob, crypto } = await friendsWithKeys(homeserver);
    const file = fileOf(homeserver);
    await homeserver.restart(() => copyFile(file, `${file}.copy`));
    const room = await alice.createsRoom();
    await alice.says('lost', room);
    await alice.syncs();
    await homeserver.restart(() => putBack(file));
    assert.deepEqual([await stockOf(alice), await stockOf(bob)], [empty, full]);
    await alice.post('/keys/upload', { one_time_keys: crypto.oneTimeKeys(3), fallback_keys: crypto.fallbackKey(2) });
    assert.deepEqual(await stockOf(alice), full);
  });
});
