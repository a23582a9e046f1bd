import assert from 'node:assert/strict';

import { forEachDatabase } from '@myelin/testing/databases';

import { openHive, state } from '../../features/hive.fixture.ts';
import { DatabaseFullError, LaneBrokenError, sql } from '../../platform/database/index.ts';
import { elsewhere, openPretended, pdu, sends } from './inbound.fixture.ts';

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

forEachDatabase('transactions of other servers', ({ test }) => {
  test('events reach their room in order, and each gets its result', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    const ids = Array.from({ length: 50 }, (_, index) => `$event${index}`);
    const results = await sends(inbound, 'one', {
      pdus: [...ids.map((id) => pdu(room.roomId, id)), pdu(room.roomId, '$forged')],
    });
    assert.deepEqual(Object.keys(results), [...ids, '$forged']);
    assert.deepEqual(results['$event7'], {});
    assert.deepEqual(results['$forged'], { error: 'the signature is not right' });
    await sends(inbound, 'two', { pdus: [pdu(room.roomId, '$event50')] });
    await rooms.until(() => rooms.taken.length === 51);
    assert.deepEqual(rooms.taken, [...ids, '$event50']);
    await inbound.stop();
    assert.deepEqual(await database.all(sql`SELECT id FROM pdu_inbox`), []);
  });

  test('what was answered is not lost when the server dies before the room has it', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const before = await openPretended(hive);
    before.inbound.start({});
    let die = (): void => undefined;
    before.rooms.onReceive = (eventId) =>
      eventId === '$two' ? new Promise((_, reject) => (die = () => reject(new Error('dead')))) : undefined;
    await sends(before.inbound, 'one', { pdus: ['$one', '$two', '$three'].map((id) => pdu(room.roomId, id)) });
    await before.rooms.until(() => before.rooms.attempts.length === 2);
    assert.deepEqual(before.rooms.taken, ['$one']);

    const hiveAfter = await openHive(await reopen());
    const after = await openPretended(hiveAfter);
    after.inbound.start({});
    await after.rooms.until(() => after.rooms.taken.includes('$three' as never));
    // The room may be shown again what it knows, never less than all.
    assert.deepEqual(after.rooms.taken.slice(-2), ['$two', '$three']);
    await after.inbound.stop();
    die();
  });

  test('a transaction that comes again gets its first answer, over a restart too', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const first = await openPretended(hive);
    first.inbound.start({});
    const body = { pdus: [pdu(room.roomId, '$one'), pdu(room.roomId, '$forged')] };
    const [answer, meanwhile] = await Promise.all([sends(first.inbound, 'one', body), sends(first.inbound, 'one', body)]);
    assert.deepEqual(meanwhile, answer);
    await first.rooms.until(() => first.rooms.taken.length === 1);
    await first.inbound.stop();

    const later = await openHive(await reopen());
    const second = await openPretended(later);
    second.inbound.start({});
    assert.deepEqual(await sends(second.inbound, 'one', { pdus: [pdu(room.roomId, '$other')] }), answer);
    assert.deepEqual(await sends(second.inbound, 'one', body, 'third.example' as never), answer);
    await second.rooms.until(() => second.rooms.taken.length > 0);
    assert.deepEqual(second.rooms.taken, ['$one'], "ids of transactions are each server's own");
    later.clock.advance(3 * 24 * 3600_000);
    await second.inbound.tidy();
    assert.deepEqual(Object.keys(await sends(second.inbound, 'one', { pdus: [pdu(room.roomId, '$other')] })), ['$other']);
    await second.inbound.stop();
  });

  test('a room that hangs and a room that is flooded hold up nobody', async ({ database }) => {
    const hive = await openHive(database);
    const { room: stuck } = await hive.friendsInARoom();
    const { room: flooded } = await hive.friendsInARoom();
    const { room: quiet } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    let release = (): void => undefined;
    const stuckUntil = new Promise<void>((resolve) => (release = resolve));
    let quietIsIn = (): void => undefined;
    const untilQuiet = new Promise<void>((resolve) => (quietIsIn = resolve));
    rooms.onReceive = (eventId) => {
      if (eventId === '$quiet') quietIsIn();
      if (eventId === '$stuck') return stuckUntil;
      // The end of the flood waits for the quiet room: were it the other way round, this would never end.
      return eventId.startsWith('$flood3') ? untilQuiet : turns();
    };
    await sends(inbound, 'stuck', { pdus: [pdu(stuck.roomId, '$stuck'), pdu(stuck.roomId, '$behind')] });
    for (let batch = 0; batch < 4; batch++) {
      const flood = Array.from({ length: 50 }, (_, index) => pdu(flooded.roomId, `$flood${batch}-${index}`));
      await sends(inbound, `flood${batch}`, { pdus: flood });
    }
    await sends(inbound, 'quiet', { pdus: [pdu(quiet.roomId, '$quiet')] }, 'third.example' as never);
    await rooms.until(() => rooms.taken.length === 201);
    assert.ok(!rooms.taken.includes('$behind' as never));
    release();
    await rooms.until(() => rooms.taken.includes('$behind' as never));
    await inbound.stop();
  });

  test('an event that can never be taken in is given up with a reason, and those after it are not', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    rooms.onReceive = (eventId) => {
      if (eventId === '$poison') throw new Error('its ancestors never came');
    };
    await sends(inbound, 'one', { pdus: [pdu(room.roomId, '$poison'), pdu(room.roomId, '$fine')] });
    await rooms.until(() => rooms.taken.length === 1);
    for (let attempt = 2; attempt <= 6; attempt++) {
      // A rest is as long as five minutes.
      while (rooms.attempts.filter((id) => id === '$poison').length < attempt) {
        hive.clock.advance(1000);
        await turns();
      }
    }
    let given: { event_id: string; reason: string } | undefined;
    while (!given) {
      await turns();
      given = await database.get(sql`SELECT event_id, reason FROM abandoned_pdus`);
    }
    assert.deepEqual({ ...given }, { event_id: '$poison', reason: 'its ancestors never came' });
    assert.deepEqual(await database.all(sql`SELECT id FROM pdu_inbox`), []);
    await inbound.stop();
  });

  test('an event that overtook what it follows is placed after it', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    const busy = Promise.withResolvers<void>();
    rooms.onReceive = (eventId) => (eventId === '$zero' ? busy.promise : undefined);
    await sends(inbound, 'zero', { pdus: [pdu(room.roomId, '$zero')] });
    await rooms.until(() => rooms.attempts.length === 1);
    const early = [pdu(room.roomId, '$three', ['$two']), pdu(room.roomId, '$four', ['$three'])];
    await sends(inbound, 'early', { pdus: early }, 'third.example' as never);
    const late = [pdu(room.roomId, '$two', ['$one']), pdu(room.roomId, '$one', ['$zero']), pdu(room.roomId, '$three', ['$two'])];
    await sends(inbound, 'late', { pdus: late });
    busy.resolve();
    await rooms.until(() => rooms.taken.length === 6);
    assert.deepEqual(rooms.taken, ['$zero', '$one', '$two', '$three', '$four', '$three']);
    await inbound.stop();
    assert.deepEqual(await database.all(sql`SELECT id FROM pdu_inbox`), []);
  });

  test('an event is placed while those before it are written, and stays in the inbox until it is on disk', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    const disk = Promise.withResolvers<void>();
    rooms.onWrite = () => disk.promise;
    await sends(inbound, 'one', { pdus: [pdu(room.roomId, '$one'), pdu(room.roomId, '$two')] });
    await rooms.until(() => rooms.taken.length === 2);
    await sends(inbound, 'two', { pdus: [pdu(room.roomId, '$three')] });
    await rooms.until(() => rooms.taken.length === 3);
    await turns();
    const rows = await database.all<{ event_id: string }>(sql`SELECT event_id FROM pdu_inbox ORDER BY id`);
    assert.deepEqual(
      rows.map((row) => row.event_id),
      ['$one', '$two', '$three'],
    );
    disk.resolve();
    await inbound.stop();
    assert.deepEqual(await database.all(sql`SELECT id FROM pdu_inbox`), []);
    assert.equal(rooms.attempts.length, 3);
  });

  test('of a write that fails, those behind it come again at once and the one at fault after a rest', async ({ database }) => {
    const hive = await openHive(database);
    const { room } = await hive.friendsInARoom();
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    rooms.onWrite = async (eventId) => {
      await turns();
      if (rooms.attempts.filter((id) => id === eventId).length > 1) return;
      if (eventId === '$two') throw new Error('the database did not like it');
      if (eventId > '$two') throw new LaneBrokenError('an earlier write failed');
    };
    const sent = ['$one', '$two', '$u', '$v'];
    await sends(inbound, 'one', { pdus: sent.map((id) => pdu(room.roomId, id)) });
    await rooms.until(() => rooms.attempts.length === 6);
    while (rooms.attempts.length < 7) {
      hive.clock.advance(1000);
      await turns();
    }
    assert.deepEqual(rooms.attempts, [...sent, '$u', '$v', '$two']);
    await inbound.stop();
    assert.deepEqual(await database.all(sql`SELECT id FROM pdu_inbox`), []);
  });

  test('a room keeps out whom its ACL keeps out, and rooms that nobody here is in take nothing', async ({ database }) => {
    const hive = await openHive(database);
    const { alice, bob } = hive.people;
    const { room } = await hive.friendsInARoom(
      state(hive.people.alice, 'm.room.server_acl', { allow: ['*'], deny: ['elsewhere.*'] }),
    );
    const { room: left } = await hive.friendsInARoom();
    for (const viewer of [alice, bob]) {
      await hive.rooms.send(left, [state(viewer, 'm.room.member', { membership: 'leave' }, viewer.userId)]);
    }
    const { inbound, rooms } = await openPretended(hive);
    inbound.start({});
    const body = { pdus: [pdu(room.roomId, '$one'), pdu(left.roomId, '$two'), pdu('!nowhere', '$three'), 'nonsense', null] };
    assert.deepEqual(await sends(inbound, 'one', body), {
      $one: { error: 'elsewhere.example is not allowed to take part in this room' },
    });
    assert.deepEqual(await sends(inbound, 'one', body, 'third.example' as never), { $one: {} });
    await rooms.until(() => rooms.taken.length === 1);
    await inbound.stop();
  });

  test('a message that could not be written down fails its transaction, which then comes again', async ({ database }) => {
    const hive = await openHive(database);
    const { inbound } = await openPretended(hive);
    const taken: unknown[] = [];
    let isFull = true;
    inbound.start({
      'm.direct_to_device': ({ content }) => {
        if (isFull) throw new DatabaseFullError('no space is left');
        taken.push(content['message_id']);
      },
    });
    const edus = [{ edu_type: 'm.direct_to_device', content: { message_id: 'one' } }];
    await assert.rejects(sends(inbound, 'first', { edus }), DatabaseFullError);
    isFull = false;
    await sends(inbound, 'first', { edus });
    assert.deepEqual(taken, ['one']);
    await inbound.stop();
  });

  test('ephemeral messages go to their handlers with who signed them, and one that breaks harms no other', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { inbound } = await openPretended(hive);
    const heard: unknown[] = [];
    inbound.start({
      'm.typing': (edu) => void heard.push(edu),
      'm.broken': () => {
        throw new Error('a defect');
      },
    });
    const typing = { edu_type: 'm.typing', content: { typing: true } };
    const edus = [
      { edu_type: 'm.broken', content: {} },
      { edu_type: 'toString', content: {} },
      7,
      { edu_type: 'm.typing' },
      typing,
    ];
    assert.deepEqual(await sends(inbound, 'one', { edus, origin: elsewhere }), {});
    assert.deepEqual(heard, [{ type: 'm.typing', content: { typing: true }, origin: elsewhere }]);
    await assert.rejects(sends(inbound, 'two', { edus, origin: 'hive.example' }), { errcode: 'M_FORBIDDEN', status: 403 });
    assert.equal(heard.length, 1);
    await inbound.stop();
  });
});
