import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventId } from '../identifiers/index.ts';
import { authChainDifference, conflictedSubgraph } from './auth-chains.ts';
import { createEventReader } from './event-reader.ts';
import { partitionStates } from './partition.ts';
import { resolveConflicts, resolveStates } from './resolve.ts';
import type { StateMap } from './state-map.ts';
import { dice, randomRoom, shuffled } from './testing/random-room.ts';
import type { Dice } from './testing/random-room.ts';
import { alice, bob, carol, dave, friendsInARoom, levels, mallory, readable } from './testing/room-dag.ts';
import type { RoomDag } from './testing/room-dag.ts';

const versions = ['1', '2', '6', '11', '12'];
const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

/** Some states of a random room: those after its last events and after a few older ones. */
function someStates(version: string, seed: number): { room: RoomDag; states: StateMap[]; roll: Dice } {
  const roll = dice(seed * 7919);
  const { room, names } = randomRoom(version, 34, roll);
  const states = Array.from({ length: 2 + roll(4) }, () => room.after(names[names.length - 1 - roll(14)] ?? 'dave'));
  return { room, states, roll };
}

const resolve = (room: RoomDag, states: readonly StateMap[]) => resolveStates(states, room.rules, room.facts).state;

for (const version of versions) {
  test(`The order of the states does not matter, nor that of their entries (version ${version})`, () => {
    for (const seed of seeds) {
      const { room, states, roll } = someStates(version, seed);
      const answer = readable(resolve(room, states));
      for (let round = 0; round < 4; round++) {
        const reordered = shuffled(states, roll).map((state) => new Map(shuffled([...state], roll)));
        assert.deepEqual(readable(resolve(room, reordered)), answer, `seed ${seed}`);
      }
    }
  });

  test(`A state that is there twice counts once (version ${version})`, () => {
    for (const seed of seeds) {
      const { room, states, roll } = someStates(version, seed);
      const doubled = shuffled([...states, ...states.slice(0, 1 + roll(states.length))], roll);
      assert.deepEqual(readable(resolve(room, doubled)), readable(resolve(room, states)), `seed ${seed}`);
    }
  });

  test(`What all agree on stays, and one state is its own resolution (version ${version})`, () => {
    for (const seed of seeds) {
      const { room, states } = someStates(version, seed);
      const answer = resolve(room, states);
      for (const [key, eventId] of partitionStates(states, room.rules).unconflicted) assert.equal(answer.get(key), eventId);
      assert.deepEqual(readable(resolve(room, [answer])), readable(answer));
      assert.deepEqual(readable(resolve(room, [answer, answer])), readable(answer));
    }
  });

  test(`The core settles the conflicts alone, however their sets were put together (version ${version})`, () => {
    for (const seed of seeds) {
      const { room, states, roll } = someStates(version, seed);
      const { rules, facts } = room;
      const reader = createEventReader(rules, facts);
      const partition = partitionStates(states, rules);
      const conflicted = shuffled([...partition.conflicted], roll);
      const { changes } = resolveConflicts(
        {
          unconflicted: (key) => partition.unconflicted.get(key),
          conflicted: new Map(conflicted.map(([key, eventIds]) => [key, new Set(shuffled([...eventIds], roll))])),
          authDifference: new Set(shuffled([...authChainDifference(states, partition, reader)], roll)),
          conflictedSubgraph: new Set(shuffled([...conflictedSubgraph(partition, reader)], roll)),
        },
        rules,
        facts,
      );
      if (conflicted.length > 0) {
        assert.deepEqual(
          readable(new Map([...partition.unconflicted, ...changes])),
          readable(resolve(room, states)),
          `seed ${seed}`,
        );
      }
    }
  });

  test(`Auth difference and conflicted subgraph are what their definitions say (version ${version})`, () => {
    for (const seed of seeds.slice(0, 15)) {
      const { room, states } = someStates(version, seed);
      const reader = createEventReader(room.rules, room.facts);
      const partition = partitionStates(states, room.rules);
      const chains = new Map([...room.events.keys()].map((eventId) => [eventId, chainOf(room, eventId)]));

      const full = states.map((state) => new Set([...state.values()].flatMap((eventId) => [...(chains.get(eventId) ?? [])])));
      const difference = [...room.events.keys()].filter(
        (id) => full.some((chain) => chain.has(id)) && !full.every((chain) => chain.has(id)),
      );
      assert.deepEqual([...authChainDifference(states, partition, reader)].sort(), difference.sort(), `seed ${seed}`);

      const conflicted = [...partition.conflicted.values()].flatMap((eventIds) => [...eventIds]);
      const between = [...room.events.keys()].filter((id) => {
        const above = conflicted.some((eventId) => chains.get(eventId)?.has(id));
        return above && conflicted.some((eventId) => chains.get(id)?.has(eventId));
      });
      assert.deepEqual([...conflictedSubgraph(partition, reader)].sort(), between.sort(), `seed ${seed}`);
    }
  });
}

/** An event and everything that it rests on, by the definition. */
function chainOf(room: RoomDag, eventId: EventId): Set<EventId> {
  const chain = new Set<EventId>([eventId]);
  for (const member of chain) for (const authEvent of room.events.get(member)?.authEvents ?? []) chain.add(authEvent);
  return chain;
}

for (const version of ['2', '11', '12']) {
  test(`States are to be resolved all at once: what two settle between them can be lost for a third (version ${version})`, () => {
    const users = { ...(version !== '12' && { [alice]: 100 }), [bob]: 100, [carol]: 100 };
    const room = friendsInARoom(version, users);
    room.send({ ...levels('x', bob, { ...users, [dave]: 100 }), at: 20 }, 'dave');
    // Carol does not know of Dave's 100, which an equal may not take; Bob not of Mallory's.
    room.send({ ...levels('y', carol, { ...users, [mallory]: 100 }), at: 21 }, 'dave');
    room.send({ ...levels('z', bob, { ...users, [dave]: 100 }, { invite: 10 }), at: 22 }, 'x');
    room.send({ ...levels('z-alone', bob, { ...users, [dave]: 100 }, { invite: 10 }), at: 22 }, 'dave');
    assert.equal(room.resolve('x', 'y', 'z-alone')['power_levels'], 'z-alone', 'x, then not y, then z-alone');
    const settled = resolve(room, [room.after('y'), room.after('z-alone')]);
    assert.equal(readable(settled)['power_levels'], 'y', 'y, then not z-alone');
    assert.equal(room.resolve('x', settled)['power_levels'], 'x', 'x, then not y; nobody remembers z-alone');
    // Where a server really resolves step by step, each step is an event whose auth events carry the memory on.
    assert.equal(room.resolve('y', 'z')['power_levels'], 'z');
  });
}
