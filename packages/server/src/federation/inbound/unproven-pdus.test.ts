import assert from 'node:assert/strict';

import type { ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { openHive, type Hive } from '../../features/hive.fixture.ts';
import { systemClock } from '../../platform/clock.ts';
import { sql } from '../../platform/database/index.ts';
import { elsewhere, openPretended, pdu, PretendedRooms, sends } from './inbound.fixture.ts';

const day = 24 * 3600_000;
const patienceMs = 15_000;
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How many wait for keys. */
async function waiting(hive: Hive): Promise<number> {
  const row = await hive.database.get<{ events: number }>(sql`SELECT COUNT(*) AS events FROM unproven_pdus`);
  return row?.events ?? 0;
}

/** Lets time pass, a little at a time, until something is so. */
async function until(hive: Hive, isSo: () => Promise<boolean>): Promise<void> {
  const end = systemClock.monotonic() + patienceMs;
  while (!(await isSo())) {
    assert.ok(systemClock.monotonic() < end, 'it never is so');
    // An attempt may have been planned for a moment that was over by then.
    hive.clock.advance(1);
    await turns();
  }
}

/** Time passes, and what falls due is tried. */
async function passes(hive: Hive, ms: number): Promise<void> {
  hive.clock.advance(ms);
  const now = hive.clock.now();
  await until(hive, async () => {
    const due = await hive.database.get<object>(sql`SELECT 1 AS due FROM unproven_pdus WHERE retry_ts <= ${now} LIMIT 1`);
    return !due;
  });
}

forEachDatabase('events whose keys cannot be had', ({ test }) => {
  test('they are kept, answered truthfully, and come in when the keys are there', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    rooms.hasKeys = false;
    const body = { pdus: [pdu(room.roomId, '$third1'), pdu(room.roomId, '$one'), pdu(room.roomId, '$forged')] };
    const results = await sends(inbound, 'one', body);
    assert.deepEqual(results, {
      $third1: { error: 'no key of third.example is known; it will be asked for again' },
      $one: {},
      $forged: { error: 'the signature is not right' },
    });
    await sends(inbound, 'two', { pdus: [pdu(room.roomId, '$third1')] });
    assert.equal(await waiting(hive), 1, 'once each');

    await passes(hive, 35_000);
    assert.equal(rooms.atDoor, 3);
    await passes(hive, 105_000);
    assert.equal(rooms.atDoor, 3, 'the pauses grow');
    rooms.hasKeys = true;
    await passes(hive, 36_000);
    await rooms.until(() => rooms.taken.includes('$third1' as never));
    assert.equal(await waiting(hive), 0);
    assert.deepEqual(rooms.taken, ['$one', '$third1']);
    await inbound.stop();
  });

  test('a server that answers again is asked at once', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms, answersAgain } = await openPretended(hive);
    inbound.start({});
    rooms.hasKeys = false;
    const third = { ...pdu(room.roomId, '$third1'), sender: '@carol:third.example' };
    const fourth = { ...pdu(room.roomId, '$third2'), sender: '@dora:fourth.example' };
    await sends(inbound, 'one', { pdus: [third, fourth] });
    await passes(hive, 36_000);
    rooms.hasKeys = true;
    answersAgain('elsewhere.example');
    answersAgain('third.example');
    await passes(hive, 10);
    await until(hive, async () => (await waiting(hive)) < 2);
    assert.equal(await waiting(hive), 1, 'the other waits for its time');
    await rooms.until(() => rooms.taken.length > 0);
    assert.deepEqual(rooms.taken, ['$third1']);
    await inbound.stop();
    answersAgain('fourth.example');
  });

  test('they outlive a restart', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const before = await openPretended(hive);
    before.inbound.start({});
    before.rooms.hasKeys = false;
    await sends(before.inbound, 'one', { pdus: [pdu(room.roomId, '$third1'), pdu(room.roomId, '$third2')] });
    await before.inbound.stop();

    const later = await openHive(await reopen());
    const after = await openPretended(later);
    after.inbound.start({});
    await passes(later, 35_000);
    await after.rooms.until(() => after.rooms.taken.length === 2);
    assert.deepEqual(after.rooms.taken, ['$third1', '$third2']);
    await after.inbound.stop();
  });

  test('after a day they are given up, and it is written down why', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    rooms.hasKeys = false;
    await sends(inbound, 'one', { pdus: [pdu(room.roomId, '$third1')] });
    for (let hours = 0; hours < 20; hours++) await passes(hive, 3600_000);
    assert.equal(await waiting(hive), 1);
    assert.ok(rooms.atDoor > 10 && rooms.atDoor < 30, `${rooms.atDoor} attempts`);
    await passes(hive, day / 4);
    assert.equal(await waiting(hive), 0);
    assert.deepEqual(await database.all(sql`SELECT event_id, reason FROM abandoned_pdus`), [
      { event_id: '$third1', reason: 'no key of third.example is known' },
    ]);
    await inbound.stop();
  });

  test('a server that sends nothing else gets only so many kept, and others still get theirs', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const rooms = new PretendedRooms();
    const { inbound } = await openPretended(hive, rooms);
    inbound.start({});
    rooms.hasKeys = false;
    const flood = (name: string, events: number, origin: ServerName): ReturnType<typeof sends> =>
      sends(
        inbound,
        name,
        { pdus: Array.from({ length: events }, (_, index) => pdu(room.roomId, `$third-${name}-${index}`)) },
        origin,
      );
    await flood('a', 150, elsewhere);
    const results = await flood('b', 150, elsewhere);
    assert.equal(await waiting(hive), 200);
    assert.deepEqual(results['$third-b-149'], { error: 'no key of third.example is known' }, 'nothing is promised');
    await flood('c', 10, 'third.example' as ServerName);
    assert.equal(await waiting(hive), 210);
    rooms.hasKeys = true;
    await passes(hive, 36_000);
    await rooms.until(() => rooms.taken.length === 210);
    rooms.hasKeys = false;
    assert.match((await flood('d', 20, elsewhere))['$third-d-19']?.error ?? '', /asked for again/, 'there is room again');
    assert.equal(await waiting(hive), 20);
    await inbound.stop();
  });
});
