import assert from 'node:assert/strict';

import type { EventId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { CacheBudget } from '../../platform/cache/index.ts';
import { Interner, type Database } from '../../platform/database/index.ts';
import { levels, topic } from '../receive/other-servers.fixture.ts';
import {
  ann,
  bob,
  cora,
  enters,
  expected,
  friendsElsewhere,
  readable,
  roomsOver,
  storyIn,
} from '../receive/room-story.fixture.ts';
import { rootOf, type State } from '../state/index.ts';
import { StateResolver } from './resolve-states.ts';

/** Two topics, those who may set them, and what the senders rest on; however long it took to come to that. */
const mostRead = 20;

/** A room whose power levels were changed so often, and a fork at its end. */
async function forked(database: Database, changes: number): Promise<{ resolve: () => Promise<State>; read: () => number }> {
  const { others, join } = friendsElsewhere('10');
  let last: EventId = join;
  const sent: EventId[] = [];
  for (let round = 0; round < changes; round++) {
    last = others.send(levels(ann, { [ann]: 100, [bob]: 50, [cora]: 50 }, { invite: round % 50 }), [last]);
    sent.push(last);
  }
  const branches = [others.send(topic(bob, 'bees'), [last]), others.send(topic(cora, 'wasps'), [last])];
  const rooms = await roomsOver(database, others);
  const room = await enters(rooms, others, join);
  const { receives } = storyIn(rooms, room, others, join);
  for (const eventId of [...sent, ...branches]) assert.equal(await receives(eventId), 'accepted');
  assert.deepEqual(await readable(rooms, room), expected(others, branches), 'the fork is resolved as others do');

  let read = 0;
  const counting = new Proxy(rooms.events, {
    get(events, name) {
      const member: unknown = Reflect.get(events, name, events);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        if (name === 'byNids' || name === 'byIds') read += [...(given[0] as Iterable<unknown>)].length;
        if (name === 'byNid' || name === 'byId') read += 1;
        return Reflect.apply(member, events, given) as unknown;
      };
    },
  });
  const resolver = new StateResolver({
    states: rooms.states,
    events: counting,
    names: new Interner(database, new CacheBudget(1_000_000)),
    edges: rooms.events.authEdges,
  });
  const found = await rooms.events.byIds(branches);
  const states = branches.map((eventId) => found.get(eventId)?.stateRoot as State);
  return { resolve: () => resolver.resolve(room, states), read: () => read };
}

forEachDatabase('resolution of states', ({ test }) => {
  for (const changes of [5, 150]) {
    test(`the work is that of the disagreement, not of what lies behind it (${changes} changes of power)`, async ({
      database,
    }) => {
      const { resolve, read } = await forked(database, changes);
      await resolve();
      assert.ok(read() > 0 && read() <= mostRead, `${read()} events were looked at`);
    });
  }

  test('what was resolved once is not worked on again', async ({ database }) => {
    const { resolve, read } = await forked(database, 5);
    const first = await resolve();
    const once = read();
    assert.equal(rootOf(await resolve()), rootOf(first));
    assert.equal(read(), once);
  });
});
