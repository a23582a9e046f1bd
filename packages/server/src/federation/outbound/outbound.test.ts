import assert from 'node:assert/strict';

import type { ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { member, openHive, says, state } from '../../features/hive.fixture.ts';
import { sql } from '../../platform/database/index.ts';
import type { MergeEdus } from '../edu.ts';
import { openOutbound, stranger, turns, until } from './outbound.fixture.ts';

const elsewhere = 'elsewhere.example' as ServerName;
const third = 'third.example' as ServerName;

forEachDatabase('what other servers are told', ({ test }) => {
  test('a message goes to the servers of the room, in order, one transaction at a time', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { room: private_ } = await hive.friendsInARoom();
    const carol = await stranger(hive, 'carol', elsewhere);
    await hive.rooms.send(room, [member(carol, 'join')]);
    await hive.rooms.send(private_, [says(alice, 'not for others')]);
    for (let index = 0; index < 120; index++) await hive.rooms.send(room, [says(alice, `m${index}`)]);
    await hive.rooms.send(room, [says(carol, 'of another server')]);
    await until(() => network.told(elsewhere).length === 120);
    assert.deepEqual(
      network.told(elsewhere),
      Array.from({ length: 120 }, (_, index) => `m${index}`),
    );
    assert.equal(network.mostUnderWay, 1);
    assert.ok(
      network.received.every(({ transaction }) => transaction.pdus.length <= 50 && transaction.origin === 'hive.example'),
    );
    assert.equal(new Set(network.received.map(({ id }) => id)).size, network.received.length);
    assert.deepEqual([...network.attempts.keys()], [elsewhere]);
    await outbound.stop();
  });

  test('who is put out of the room hears of it, and of nothing after it', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const carol = await stranger(hive, 'carol', elsewhere);
    const dora = await stranger(hive, 'dora', third);
    await hive.rooms.send(room, [member(carol, 'join')]);
    // All at once: by the time the first goes out, the last is done.
    await hive.rooms.send(room, [
      says(alice, 'before'),
      state(alice, 'm.room.member', { membership: 'ban' }, carol.userId),
      says(alice, 'after'),
      state(alice, 'm.room.member', { membership: 'invite' }, dora.userId),
      state(alice, 'm.room.member', { membership: 'leave' }, dora.userId),
    ]);
    await until(() => network.told(third).length > 0 && network.told(elsewhere).length === 2);
    assert.deepEqual(network.told(elsewhere), ['before', 'ban']);
    assert.deepEqual(network.told(third), ['leave']);
    await outbound.stop();
  });

  test('what a server refuses for good holds up nothing else', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    network.refuses.set(elsewhere, 'poison');
    const words = ['one', 'two', 'poison', 'three', 'four', 'more poison', 'five'];
    for (const type of ['org.example.tea', 'org.example.poison', 'org.example.cake']) {
      outbound.toServers([elsewhere], { type, content: {} });
    }
    await hive.rooms.send(
      room,
      words.map((text) => says(alice, text)),
    );
    await until(() => network.told(elsewhere).length === 5 && network.edus(elsewhere).length === 2);
    assert.deepEqual(network.told(elsewhere), ['one', 'two', 'three', 'four', 'five']);
    assert.deepEqual(
      network.edus(elsewhere).map(({ edu_type: type }) => type),
      ['org.example.tea', 'org.example.cake'],
    );
    assert.equal(outbound.resting, 0);
    await outbound.stop();
  });

  test('a server that is down costs no attempt until its time, and is then told the latest of each room', async ({
    database,
  }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { room: other } = await hive.friendsInARoom();
    const { room: left } = await hive.friendsInARoom();
    const carol = await stranger(hive, 'carol', elsewhere);
    const dora = await stranger(hive, 'dora', third);
    for (const one of [room, other, left]) await hive.rooms.send(one, [member(carol, 'join')]);
    await hive.rooms.send(room, [member(dora, 'join')]);
    await hive.rooms.send(other, [says(alice, 'known')]);
    await until(() => network.told(elsewhere).length === 1);
    network.down.add(elsewhere);
    network.retryAt.set(elsewhere, hive.clock.now() + 600_000);
    for (let index = 0; index < 20; index++) await hive.rooms.send(room, [says(alice, `m${index}`)]);
    await hive.rooms.send(left, [
      says(alice, 'last words'),
      state(alice, 'm.room.member', { membership: 'leave' }, carol.userId),
    ]);
    await until(() => network.told(third).length === 20);
    for (let owed = 0; owed === 0; owed = (await database.all(sql`SELECT event_nid FROM outbound_owed`)).length) await turns();
    await until(() => (network.attempts.get(elsewhere) ?? 0) === 2);
    await until(() => outbound.resting === 1);
    const attempts = network.attempts.get(elsewhere) ?? 0;
    assert.ok(attempts <= 2, `${attempts} attempts`);
    network.down.clear();
    hive.clock.advance(599_000);
    await turns();
    assert.equal(network.attempts.get(elsewhere), attempts);
    hive.clock.advance(1000);
    await until(() => network.told(elsewhere).length >= 3);
    assert.deepEqual(network.told(elsewhere), ['known', 'm19', 'leave']);
    await hive.rooms.send(room, [says(alice, 'welcome back')]);
    await until(() => network.told(elsewhere).includes('welcome back'));
    await outbound.stop();
    assert.deepEqual(await database.all(sql`SELECT * FROM outbound_behind`), []);
    assert.deepEqual(await database.all(sql`SELECT * FROM outbound_owed`), []);
  });

  test('a server is told at once when it shows that it lives', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    network.down.add(elsewhere);
    network.retryAt.set(elsewhere, hive.clock.now() + 7 * 24 * 3600_000);
    await hive.rooms.send(room, [says(hive.people.alice, 'hello?')]);
    await until(() => outbound.resting === 1);
    network.down.clear();
    network.heardFrom(elsewhere);
    await until(() => network.told(elsewhere).length === 1);
    await outbound.stop();
  });

  test('two hundred servers that are gone cost one attempt each, and hold up nobody', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const gone = Array.from({ length: 200 }, (_, index) => `gone${index}.example` as ServerName);
    const joins = await Promise.all(gone.map(async (server) => member(await stranger(hive, 'carol', server), 'join')));
    await hive.rooms.send(room, joins);
    await hive.rooms.send(room, [member(await stranger(hive, 'dora', third), 'join')]);
    for (const server of gone) {
      network.down.add(server);
      network.retryAt.set(server, hive.clock.now() + 600_000);
    }
    await hive.rooms.send(room, [says(alice, 'who is there?')]);
    await until(() => outbound.resting === 200);
    for (let index = 0; index < 20; index++) await hive.rooms.send(room, [says(alice, `m${index}`)]);
    await until(() => network.told(third).length === 21);
    hive.clock.advance(60_000);
    await turns();
    assert.ok(gone.every((server) => network.attempts.get(server) === 1));
    assert.equal((await database.all(sql`SELECT destination_nid FROM outbound_behind`)).length, 200);
    await outbound.stop();
  });

  test('a crash loses nothing: neither what was under way nor who is behind', async ({ database, reopen }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    await hive.rooms.send(room, [member(await stranger(hive, 'dora', third), 'join')]);
    let answer = (): void => undefined;
    network.slow.set(elsewhere, new Promise((resolve) => (answer = resolve)));
    network.down.add(third);
    await hive.rooms.send(room, [says(alice, 'one')]);
    await until(() => network.attempts.get(elsewhere) === 1 && network.attempts.get(third) === 1);
    hive.clock.advance(1000);
    await until(() => outbound.resting === 1);
    await hive.rooms.send(room, [says(alice, 'two')]);

    const later = await openHive(await reopen());
    const again = await openOutbound(later);
    again.network.retryAt.set(third, 0);
    await later.rooms.send(room, [says(later.people.alice, 'three')]);
    await until(() => again.network.told(elsewhere).length >= 3);
    assert.deepEqual(again.network.told(elsewhere), ['one', 'two', 'three']);
    later.clock.advance(1);
    await until(() => again.network.told(third).includes('three') || again.network.told(third).length > 1);
    assert.equal(again.network.told(third).at(-1), 'three');
    await again.outbound.stop();

    const last = await openHive(await reopen());
    const quiet = await openOutbound(last);
    for (let turn = 0; turn < 50; turn++) await turns();
    assert.deepEqual(quiet.network.received, [], 'after an orderly end nothing is said twice');
    await quiet.outbound.stop();
    answer();
  });

  test('ephemeral messages wait for company, replace each other, and are not kept for who is away', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    const receipt = (event: string) => ({ type: 'm.receipt', content: { event } });
    await outbound.toRoom(room.nid, receipt('one'), { key: 'alice', patienceMs: 500 });
    await outbound.toRoom(room.nid, receipt('two'), { key: 'alice', patienceMs: 500 });
    await outbound.toRoom(room.nid, receipt('of Bob'), { key: 'bob', patienceMs: 500 });
    for (let turn = 0; turn < 20; turn++) await turns();
    assert.equal(network.received.length, 0);
    hive.clock.advance(500);
    await until(() => network.received.length === 1);
    assert.deepEqual(
      network.edus(elsewhere).map(({ content }) => content['event']),
      ['two', 'of Bob'],
    );
    await outbound.toRoom(room.nid, receipt('three'), { key: 'alice', patienceMs: 500 });
    await hive.rooms.send(room, [says(hive.people.alice, 'hello')]);
    await until(() => network.received.length === 2);
    assert.equal(network.received[1]?.transaction.edus.length, 1, 'it left together with the message');
    network.down.add(elsewhere);
    network.retryAt.set(elsewhere, hive.clock.now() + 60_000);
    await outbound.toRoom(room.nid, { type: 'm.typing', content: {} }, { key: 'typing', usefulMs: 30_000 });
    await until(() => outbound.resting === 1);
    for (let index = 0; index < 500; index++) await outbound.toRoom(room.nid, receipt(`${index}`), { key: `reader ${index}` });
    network.down.clear();
    hive.clock.advance(60_000);
    await until(() => network.received.length >= 3);
    const edus = network.edus(elsewhere).slice(3);
    assert.ok(edus.length <= 100 && edus.at(-1)?.content['event'] === '499');
    assert.ok(edus.every(({ edu_type: type }) => type === 'm.receipt'));
    await outbound.stop();
  });

  test('what can be said in one leaves as one, and what cannot stays apart', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    const merge: MergeEdus = (one, other) =>
      Object.keys(other).some((name) => Object.hasOwn(one, name)) ? undefined : { ...one, ...other };
    const options = { patienceMs: 500, merge };
    for (let index = 0; index < 250; index++) {
      await outbound.toRoom(
        room.nid,
        { type: 'm.receipt', content: { [`reader ${index}`]: 'one' } },
        { ...options, key: `${index}` },
      );
    }
    await outbound.toRoom(room.nid, { type: 'm.receipt', content: { 'reader 249': 'thread' } }, { ...options, key: 'thread' });
    await outbound.toRoom(room.nid, { type: 'm.receipt', content: { 'reader 3': 'two' } }, { ...options, key: '3' });
    await outbound.toRoom(room.nid, { type: 'm.presence', content: { 'reader 300': 'online' } }, options);
    hive.clock.advance(500);
    await until(() => network.received.length === 1);
    const contents = network.edus(elsewhere).map(({ content }) => content);
    assert.deepEqual(
      contents.map((content) => Object.keys(content).length),
      [100, 100, 50, 1, 1],
    );
    assert.deepEqual(
      contents
        .flatMap((content) => Object.entries(content))
        .filter(([name]) => ['reader 3', 'reader 249', 'reader 300'].includes(name)),
      [
        ['reader 249', 'one'],
        ['reader 3', 'two'],
        ['reader 249', 'thread'],
        ['reader 300', 'online'],
      ],
    );
    await outbound.toRoom(
      room.nid,
      { type: 'm.receipt', content: { 'reader 1': 'more' } },
      { ...options, patienceMs: 0, key: '1' },
    );
    await until(() => network.received.length === 2);
    assert.equal(network.edus(elsewhere).length, 6, 'nothing leaves twice');
    await outbound.stop();
  });

  test('a join that this server has helped with is passed on to the others, not to where it came from', async ({ database }) => {
    const hive = await openHive(database);
    const { outbound, network } = await openOutbound(hive);
    const { room } = await hive.friendsInARoom();
    await hive.rooms.send(room, [member(await stranger(hive, 'carol', elsewhere), 'join')]);
    const [join] = await hive.rooms.send(room, [member(await stranger(hive, 'dora', third), 'join')]);
    assert.ok(join);
    await outbound.relay(join, third);
    await until(() => network.told(elsewhere).length === 1);
    assert.deepEqual(network.told(elsewhere), ['join']);
    await outbound.stop();
    assert.deepEqual(network.told(third), []);
    assert.deepEqual(await database.all(sql`SELECT * FROM outbound_relays`), []);
  });
});
