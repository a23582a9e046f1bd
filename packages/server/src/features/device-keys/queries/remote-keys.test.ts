import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import { createTestClock } from '../../../platform/clock.ts';
import { type RemoteKeys, remoteKeysInGroups } from './remote-keys.ts';
import { usersPerPage, type WantedDevices } from './wanted.ts';

/** So many users of each of some servers, the servers mixed. */
function users(ofEach: number, ...servers: readonly string[]): Map<UserId, DeviceId[]> {
  const numbers = Array.from({ length: ofEach }, (_, number) => number);
  return new Map(numbers.flatMap((number) => servers.map((server) => [`@u${number}:${server}` as UserId, []])));
}

/** Other servers' lists that answer when the test says so. */
function slowLists() {
  const asked: { users: UserId[]; timeoutMs: number; answer(): void; fail(error: Error): void }[] = [];
  return {
    asked,
    keysOf(wanted: WantedDevices, { timeoutMs }: { readonly timeoutMs: number }): Promise<RemoteKeys> {
      const { promise, resolve, reject } = Promise.withResolvers<RemoteKeys>();
      const devices = new Map(Array.from(wanted.keys(), (userId) => [userId, {}]));
      const answer = { devices, master: new Map(), selfSigning: new Map(), failures: {} };
      asked.push({ users: [...wanted.keys()], timeoutMs, answer: () => resolve(answer), fail: reject });
      return promise;
    },
  };
}

test('the users of a server are asked for together, and each once', async () => {
  const [lists, clock] = [slowLists(), createTestClock()];
  const wanted = users(usersPerPage, 'hive.example', 'nest.example', 'tree.example');
  const told = Array.fromAsync(remoteKeysInGroups({ remoteLists: lists, clock }, wanted, 10_000));
  const servers = lists.asked.map((group) => new Set(group.users.map((userId) => userId.split(':')[1])));
  assert.deepEqual(servers, [new Set(['hive.example']), new Set(['nest.example']), new Set(['tree.example'])]);
  for (const group of lists.asked) group.answer();
  assert.deepEqual((await told).flatMap(({ devices }) => [...devices.keys()]).toSorted(), [...wanted.keys()].toSorted());
});

test('few groups are waited for at once; the waiting costs time, and slow reading does not', async () => {
  const [lists, clock] = [slowLists(), createTestClock()];
  const reading = remoteKeysInGroups({ remoteLists: lists, clock }, users(20 * usersPerPage, 'hive.example'), 10_000);
  const first = reading.next();
  assert.deepEqual(
    lists.asked.map(({ timeoutMs }) => timeoutMs),
    Array.from({ length: 8 }, () => 10_000),
  );
  clock.advance(4_000);
  lists.asked[0]?.answer();
  await first;
  clock.advance(60_000);
  const second = reading.next();
  assert.equal(lists.asked.at(-1)?.timeoutMs, 6_000, 'the reader took a minute, the server four seconds');
  clock.advance(7_000);
  lists.asked[1]?.answer();
  await second;
  const third = reading.next();
  assert.equal(lists.asked.length, 10);
  assert.equal(lists.asked.at(-1)?.timeoutMs, 0, 'what is known here is told; nobody is asked any more');
  lists.asked[2]?.answer();
  await third;
});

test('whoever stops reading is told nothing of what fails later', async () => {
  const [lists, clock] = [slowLists(), createTestClock()];
  const reading = remoteKeysInGroups({ remoteLists: lists, clock }, users(3 * usersPerPage, 'hive.example'), 10_000);
  const first = reading.next();
  lists.asked[0]?.answer();
  await first;
  await reading.return(undefined);
  lists.asked[1]?.fail(new Error('the database is gone'));
  await new Promise(setImmediate);
  assert.equal((await reading.next()).done, true);
});
