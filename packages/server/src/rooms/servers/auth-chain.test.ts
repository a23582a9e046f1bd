import assert from 'node:assert/strict';

import type { Pdu } from '@myelin/protocol/events';
import type { EventId, RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { CacheBudget } from '../../platform/cache/index.ts';
import { encodePdu } from '../events/event-codec.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import { AuthChains } from './auth-chain.ts';

const rules = roomVersionRules('12') ?? assert.fail();
const nest = 'nest.example' as ServerName;
const servers = ['one.example', 'two.example', 'three.example', 'four.example'] as ServerName[];

const word: Pdu = {
  type: 'm.room.message',
  sender: '@alice:hive.example' as UserId,
  room_id: '!kitchen' as RoomId,
  content: {},
  prev_events: [],
  auth_events: [],
  depth: 1,
  origin_server_ts: 1,
  hashes: { sha256: 'A'.repeat(43) },
  signatures: {},
};

/** Chains of a server's events, and how they are read. */
function watchedChains({ server }: TestHomeserver) {
  const { events } = server.needs.rooms;
  const reads = { count: 0, underWay: 0, most: 0 };
  const watched = {
    nidsOf: (ids: Parameters<typeof events.nidsOf>[0]) => events.nidsOf(ids),
    async byNids(nids: Iterable<number>) {
      reads.count += 1;
      reads.most = Math.max(reads.most, ++reads.underWay);
      try {
        return await events.byNids(nids);
      } finally {
        reads.underWay -= 1;
      }
    },
  };
  return { chains: new AuthChains({ events: watched, caches: new CacheBudget(1_000_000) }), reads };
}

/** Alice's last words in a room, by our integer. */
async function aWord(homeserver: TestHomeserver): Promise<number> {
  const alice = await homeserver.person('alice');
  const room = await alice.createsRoom({ preset: 'public_chat', room_version: '12' });
  const said = await alice.says('hello', room);
  return (await homeserver.server.needs.rooms.events.byId(said as never))?.nid ?? assert.fail();
}

forEachHomeserver('auth chains for other servers', ({ test }) => {
  test('what rests on nothing else is left out, everything else is there once', async ({ homeserver }) => {
    const { chains } = watchedChains(homeserver);
    const nid = await aWord(homeserver);
    const chain = await chains.of({ server: nest, rules, events: [nid] });
    const events = await homeserver.server.needs.rooms.events.listByNids(chain);
    // In this version nothing names the create event.
    assert.deepEqual(events.map(({ type }) => type).toSorted(), ['m.room.member', 'm.room.power_levels']);
  });

  test('who asks for the same waits for the same walk, and later for none', async ({ homeserver }) => {
    const { chains, reads } = watchedChains(homeserver);
    const nid = await aWord(homeserver);
    const asks = (server: ServerName, name: string) => chains.of({ server, rules, events: [nid], name });
    const [first, ...others] = await Promise.all(servers.map((server) => asks(server, 'a word')));
    const { count } = reads;
    for (const other of others) assert.equal(other, first);
    assert.equal(reads.most, 1);
    assert.deepEqual(await asks(nest, 'a word'), first);
    assert.equal(reads.count, count);
    assert.deepEqual(await asks(nest, 'the same by another name'), first);
    assert.equal(reads.count, 2 * count);
  });

  test('one server has one walk at a time, and all together have two', async ({ homeserver }) => {
    const { chains, reads } = watchedChains(homeserver);
    const nid = await aWord(homeserver);
    const asks = (server: ServerName) => chains.of({ server, rules, events: [nid] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => asks(nest)));
    assert.equal(reads.most, 1);
    await Promise.all(servers.flatMap((server) => [asks(server), asks(server)]));
    assert.equal(reads.most, 2);
    assert.ok(answers.every((chain) => chain.length === answers[0]?.length));
  });

  test('while events are missing nothing is kept, for they may come', async () => {
    const missing = `$${'a'.repeat(43)}` as EventId;
    const { envelope } = encodePdu({ ...word, auth_events: [missing] }, rules, () => undefined);
    let reads = 0;
    let arrived = false;
    const events = {
      async byNids(nids: Iterable<number>) {
        reads += 1;
        return new Map([...nids].includes(1) ? [[1, { envelope } as StoredEvent]] : []);
      },
      nidsOf: async () => new Map(arrived ? [[missing, 2]] : []),
    };
    const chains = new AuthChains({ events, caches: new CacheBudget(1_000_000) });
    const asks = () => chains.of({ server: nest, rules, events: [1], name: 'a word' });
    assert.deepEqual(await asks(), []);
    arrived = true;
    assert.deepEqual(await asks(), [2]);
    const before = reads;
    assert.deepEqual(await asks(), [2]);
    assert.equal(reads, before);
  });
});
