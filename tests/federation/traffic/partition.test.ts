import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { noPostgresReason, postgresDatabases, sqliteDatabases, type Person, type TestDatabases } from '@myelin/testing';
import { startFederation } from '@myelin/testing/federation';

const hive = 'hive.example';
const nest = 'nest.example';
/** Who was out of reach is tried again soon. */
const config = {
  federation: {
    destination_min_retry_interval: '50ms',
    destination_retry_multiplier: 2,
    destination_max_retry_interval: '200ms',
  },
};

/** The current state as somebody's server has it: which event stands in each place. */
async function stateOf(person: Person, room: string): Promise<Record<string, string>> {
  const state: any[] = await person.get(`/rooms/${encodeURIComponent(room)}/state`);
  return Object.fromEntries(state.map((event) => [`${event.type} ${event.state_key}`, event.event_id]));
}

/** Resolves once this person has all of these events. */
async function has(person: Person, room: string, eventIds: readonly string[]): Promise<void> {
  const missing = async (): Promise<string[]> => {
    const found = await Promise.all(
      eventIds.map((id) => person.request('GET', `/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(id)}`)),
    );
    return eventIds.filter((_, index) => found[index]?.status !== 200);
  };
  for (let round = 0; round < 60; round++) {
    if ((await missing()).length === 0) return;
    await person.syncs({ timeout: 500 });
  }
  assert.deepEqual(await missing(), [], `${person.userId} lacks events`);
}

describe('a network that falls in two', () => {
  for (const version of ['6', '10', '11', '12']) {
    test(`both halves go on, in conflict, and agree afterwards (version ${version})`, { timeout: 60_000 }, async () => {
      const federation = await startFederation([hive, nest], { config });
      try {
        const [home, away] = [federation.named(hive), federation.named(nest)];
        const [alice, carol] = [await home.person('alice'), await home.person('carol')];
        const [bob, dora] = [await away.person('bob'), await away.person('dora')];
        const room = await alice.createsRoom({ room_version: version, preset: 'public_chat', name: 'One' });
        await carol.joins(room);
        for (const person of [bob, dora]) await person.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
        const levels = async (person: Person, users: Record<string, number>): Promise<string> => {
          const content = await person.get(`/rooms/${encodeURIComponent(room)}/state/m.room.power_levels/`);
          return person.setsState(room, 'm.room.power_levels', { ...content, users: { ...content.users, ...users } });
        };
        await has(bob, room, [await levels(alice, { [bob.userId]: 100, [dora.userId]: 50 })]);
        await has(alice, room, [await dora.says('all together', room)]);

        await federation.cutOff(hive);
        await federation.cutOff(nest);
        const said: string[] = [];
        for (let index = 0; index < 8; index++) {
          said.push(await alice.says(`hive ${index}`, room), await bob.says(`nest ${index}`, room));
          if (index === 1) {
            await alice.setsState(room, 'm.room.name', { name: 'Hive' });
            await bob.setsState(room, 'm.room.name', { name: 'Nest' });
          }
          if (index === 3) {
            await levels(alice, { [dora.userId]: 0 });
            await levels(bob, { [carol.userId]: 20 });
          }
          if (index === 4) await away.restart();
          if (index === 5) {
            await alice.post(`/rooms/${encodeURIComponent(room)}/ban`, { user_id: dora.userId });
            await bob.post(`/rooms/${encodeURIComponent(room)}/ban`, { user_id: carol.userId });
            await dora.setsState(room, 'm.room.topic', { topic: 'written by somebody who is banned' });
          }
        }
        assert.notDeepEqual(await stateOf(alice, room), await stateOf(bob, room));

        await federation.reconnect(hive);
        await federation.reconnect(nest);
        said.push(await alice.says('is anybody there?', room), await bob.says('here we are', room));
        await has(alice, room, said);
        await has(bob, room, said);
        const [last, word] = [await alice.says('so it is', room), await bob.says('so it is', room)];
        await has(alice, room, [last, word]);
        await has(bob, room, [last, word]);
        assert.deepEqual(await stateOf(alice, room), await stateOf(bob, room));
        for (const banned of [carol, dora]) {
          const member = await bob.get(
            `/rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(banned.userId)}`,
          );
          assert.equal(member.membership, 'ban');
        }
      } finally {
        await federation.stop();
      }
    });
  }

  test('five minutes of traffic on both sides, in several rooms (SQLite)', { timeout: 60_000 }, () =>
    fiveMinutes(sqliteDatabases),
  );
  const postgres = postgresDatabases();
  const skip = postgres === undefined && (noPostgresReason() ?? true);
  test('five minutes of traffic on both sides, in several rooms (PostgreSQL)', { timeout: 60_000, skip }, () =>
    fiveMinutes(postgres),
  );
});

async function fiveMinutes(databases: TestDatabases | undefined): Promise<void> {
  const federation = await startFederation([hive, nest], { config, ...(databases && { databases }) });
  try {
    const [home, away] = [federation.named(hive), federation.named(nest)];
    const hives = [await home.person('alice'), await home.person('carol')] as const;
    const nests = [await away.person('bob'), await away.person('dora')] as const;
    const rooms = await Promise.all(['6', '10', '11', '12'].map((version) => commonRoom(version, hives, nests)));

    await federation.cutOff(hive);
    await federation.cutOff(nest);
    const sides = [hives, nests] as const;
    const sent = await Promise.all(
      rooms.flatMap((room) => sides.map((own, side) => livesOn(room, own, sides[1 - side] ?? nests, side))),
    );
    assert.ok(
      Math.min(...[0, 1].map((side) => sum(sent.filter((_, index) => index % 2 === side)))) >= 300,
      `${sum(sent)} events`,
    );
    for (const room of rooms) assert.notDeepEqual(await stateOf(hives[0], room), await stateOf(nests[0], room));

    await federation.reconnect(hive);
    await federation.reconnect(nest);
    await Promise.all(
      rooms.map(async (room) => {
        for (let round = 0; round < 40; round++) {
          const words = [await hives[0].says(`so ${round}`, room), await nests[0].says(`so it is ${round}`, room)];
          await has(hives[0], room, words);
          await has(nests[0], room, words);
          const [here, there] = [await stateOf(hives[0], room), await stateOf(nests[0], room)];
          if (isDeepStrictEqual(here, there)) break;
        }
        assert.deepEqual(await stateOf(hives[0], room), await stateOf(nests[0], room));
      }),
    );
    // What was said meanwhile can be read on both sides.
    for (const [at, room] of rooms.entries()) {
      const said = sent.slice(2 * at, 2 * at + 2).flat();
      for (const reader of [hives[0], nests[0]]) {
        const read = await history(reader, room);
        assert.deepEqual(
          said.filter((id) => !read.has(id)),
          [],
          `${reader.userId} cannot read all of ${room}`,
        );
      }
    }
  } finally {
    await federation.stop();
  }
}

const sum = (lists: readonly (readonly unknown[])[]): number => lists.reduce((total, list) => total + list.length, 0);

/** A room in which all four are, the first of each side as powerful as the other. */
async function commonRoom(
  version: string,
  [alice, carol]: readonly [Person, Person],
  nests: readonly [Person, Person],
): Promise<string> {
  const [bob, dora] = nests;
  const room = await alice.createsRoom({ room_version: version, preset: 'public_chat', name: 'One' });
  await carol.joins(room);
  for (const person of nests) await person.post(`/join/${encodeURIComponent(room)}?via=${hive}`);
  const levels = await alice.get(`/rooms/${encodeURIComponent(room)}/state/m.room.power_levels/`);
  const users = { ...levels.users, [bob.userId]: 100, [carol.userId]: 50, [dora.userId]: 50 };
  await has(bob, room, [await alice.setsState(room, 'm.room.power_levels', { ...levels, users })]);
  await has(alice, room, [await dora.says('all together', room)]);
  return room;
}

const wordsOnASide = 72;

/**
 * One side of a room while the other is out of reach: its people talk, rename it, change who may do what, and ban each other. Gives what
 * the first has sent; of the second, whom the others ban, they need not show anything.
 */
async function livesOn(
  room: string,
  [first, second]: readonly [Person, Person],
  [, otherSecond]: readonly [Person, Person],
  side: number,
): Promise<readonly string[]> {
  const sent: string[] = [];
  const state = `/rooms/${encodeURIComponent(room)}`;
  const changesPower = async (user: Person, level: number): Promise<void> => {
    const levels = await first.get(`${state}/state/m.room.power_levels/`);
    sent.push(
      await first.setsState(room, 'm.room.power_levels', { ...levels, users: { ...levels.users, [user.userId]: level } }),
    );
  };
  for (let word = 0; word < wordsOnASide; word++) {
    sent.push(await first.says(`${side} ${word}`, room));
    if (word % 8 === 1) await second.setsState(room, 'm.room.name', { name: `${side} ${word}` });
    if (word % 16 === 3) await second.setsState(room, 'm.room.topic', { topic: `${side} ${word}` });
    if (word % 16 === 5) await changesPower(otherSecond, side === 0 ? 0 : 20);
    if (word % 16 === 9) await changesPower(second, 60);
    if (word === 20) await first.post(`${state}/ban`, { user_id: otherSecond.userId });
    if (word === 30 && side === 1) await first.post(`${state}/unban`, { user_id: otherSecond.userId });
    if (word === 40) sent.push(await first.setsState(room, 'm.room.join_rules', { join_rule: side === 0 ? 'invite' : 'knock' }));
  }
  return sent;
}

/** All that somebody can read of a room. */
async function history(person: Person, room: string): Promise<Set<string>> {
  const read = new Set<string>();
  let from: string | undefined;
  do {
    const query = { dir: 'b', limit: 100, ...(from !== undefined && { from }) };
    const page = await person.get(`/rooms/${encodeURIComponent(room)}/messages`, query);
    for (const { event_id: id } of page.chunk) read.add(id);
    from = page.end;
  } while (from !== undefined);
  return read;
}
