import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Person } from '@myelin/testing';
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
});
