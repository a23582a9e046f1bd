import assert from 'node:assert/strict';

import { encodeCanonicalJson } from '@myelin/protocol/canonical-json';
import { eventIdOf, verifyContentHash, type Pdu } from '@myelin/protocol/events';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { forEachHomeserver, type TestHomeserver } from '@myelin/testing';

import { ServerVisibility } from '../../rooms/index.ts';
import { fromElsewhere, joinsFromElsewhere, serveServers, type AskingServer } from '../servers.fixture.ts';
import { roomHistoryFederation } from './room-history.federation.ts';

const rules = roomVersionRules('12') ?? assert.fail();
const idOf = (pdu: Pdu): string => eventIdOf(pdu, rules);
const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const notFound = { status: 404, errcode: 'M_NOT_FOUND' };

async function withServers(homeserver: TestHomeserver, story: (as: (server: string) => AskingServer) => Promise<void>) {
  const { needs } = homeserver.server;
  const serverVisibility = new ServerVisibility(needs);
  const servers = await serveServers(homeserver, roomHistoryFederation({ ...needs, serverVisibility }));
  try {
    await story((server) => servers.as(server));
  } finally {
    await servers.stop();
  }
}

async function roomWithRob(homeserver: TestHomeserver) {
  const alice = await homeserver.person('alice');
  const room = await alice.createsRoom({ preset: 'public_chat', name: 'Tea' });
  const rob = await joinsFromElsewhere(homeserver, room, '@rob:elsewhere.example');
  return { alice, room, rob, path: encodeURIComponent(room) };
}

forEachHomeserver('rooms read by other servers', ({ test, testWith }) => {
  test("Rob's server goes back from a message and gets every event as it was signed", async ({ homeserver }) => {
    const { alice, room, path, rob } = await roomWithRob(homeserver);
    const said = [await alice.says('one', room), await alice.says('two', room)] as const;
    await withServers(homeserver, async (as) => {
      const server = as('elsewhere.example');
      const { origin, pdus } = await server.gets(`/v1/backfill/${path}`, { v: said[1], limit: 3 });
      assert.equal(origin, 'hive.example');
      assert.deepEqual(pdus.map(idOf), [said[1], said[0], rob]);
      assert.ok(pdus.every((pdu: Pdu) => verifyContentHash(pdu, rules)));
      assert.equal(pdus[0].content.body, 'two');
      const all = await server.gets(`/v1/backfill/${path}`, { v: [said[1], said[0], '$unknown'], limit: 1000 });
      assert.equal(all.pdus.at(-1).type, 'm.room.create');
      assert.equal(new Set(all.pdus.map(idOf)).size, all.pdus.length);
      assert.deepEqual((await server.gets(`/v1/backfill/${path}`, { v: '$unknown', limit: 5 })).pdus, []);
      await server.isRefused(`/v1/backfill/${path}`, { status: 400, errcode: 'M_MISSING_PARAM' }, { limit: 5 });
      const one = await server.gets(`/v1/event/${said[0]}`);
      assert.equal(encodeCanonicalJson(one.pdus[0]), encodeCanonicalJson(pdus[1]));
      await server.isRefused('/v1/event/$unknown', notFound);
    });
  });

  test('no answer has more than a hundred events to go back, or twenty that were missing', async ({ homeserver }) => {
    const { alice, room, path } = await roomWithRob(homeserver);
    const said: string[] = [];
    for (let index = 0; index < 110; index++) said.push(await alice.says(`message ${index}`, room));
    await withServers(homeserver, async (as) => {
      const server = as('elsewhere.example');
      const { pdus } = await server.gets(`/v1/backfill/${path}`, { v: said.at(-1), limit: 100_000 });
      assert.deepEqual(pdus.map(idOf), said.slice(-100).toReversed());
      const missing = await server.asks('POST', `/v1/get_missing_events/${path}`, {
        body: { earliest_events: [said[0]], latest_events: [said.at(-1)], limit: 1000 },
      });
      assert.deepEqual(missing.body.events.map(idOf), said.slice(-21, -1));
      for (const limit of [0, -1, -1_000]) {
        const { status, body } = await server.asks(
          'GET',
          `/v1/backfill/${path}?v=${encodeURIComponent(said[5] ?? '')}&limit=${limit}`,
        );
        assert.deepEqual([status, body.errcode], [400, 'M_INVALID_PARAM'], `${limit} events`);
      }
      const none = await server.asks('POST', `/v1/get_missing_events/${path}`, {
        body: { earliest_events: [], latest_events: [said.at(-1)], limit: -5, min_depth: -1 },
      });
      assert.deepEqual(none.body, { events: [] });
    });
  });

  test('what was missed is found between what a server has and what it was sent', async ({ homeserver }) => {
    const { alice, room, path, rob } = await roomWithRob(homeserver);
    const said: string[] = [];
    for (const text of ['one', 'two', 'three', 'four']) said.push(await alice.says(text, room));
    await withServers(homeserver, async (as) => {
      const missing = async (body: Record<string, unknown>): Promise<string[]> => {
        const answer = await as('elsewhere.example').asks('POST', `/v1/get_missing_events/${path}`, { body });
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        return answer.body.events.map(idOf);
      };
      const latest = { latest_events: [said[3]] };
      assert.deepEqual(await missing({ ...latest, earliest_events: [rob] }), said.slice(0, 3));
      assert.deepEqual(await missing({ ...latest, earliest_events: [said[0]], limit: 1 }), [said[2]]);
      assert.deepEqual(await missing({ ...latest, earliest_events: [], limit: 0 }), []);
      const { depth } = (await as('elsewhere.example').gets(`/v1/event/${said[1]}`)).pdus[0];
      assert.deepEqual(await missing({ ...latest, earliest_events: [], min_depth: depth }), said.slice(1, 3));
      assert.deepEqual(await missing({ earliest_events: [], latest_events: ['$unknown'] }), []);
    });
  });

  test('the state is the one before the event, with all that authorised it', async ({ homeserver }) => {
    const { alice, room, path } = await roomWithRob(homeserver);
    const renamed = await alice.setsState(room, 'm.room.name', { name: 'Coffee' });
    const said = await alice.says('hello', room);
    await withServers(homeserver, async (as) => {
      const server = as('elsewhere.example');
      const nameAt = async (event: string): Promise<unknown> => {
        const { pdus } = await server.gets(`/v1/state/${path}`, { event_id: event });
        return pdus.find(({ type }: Pdu) => type === 'm.room.name')?.content.name;
      };
      assert.equal(await nameAt(renamed), 'Tea');
      assert.equal(await nameAt(said), 'Coffee');
      const state = await server.gets(`/v1/state/${path}`, { event_id: said });
      const ids = await server.gets(`/v1/state_ids/${path}`, { event_id: said });
      assert.deepEqual(state.pdus.map(idOf).toSorted(), ids.pdu_ids.toSorted());
      assert.deepEqual(state.auth_chain.map(idOf).toSorted(), ids.auth_chain_ids.toSorted());
      const known = new Set([...ids.pdu_ids, ...ids.auth_chain_ids]);
      for (const { auth_events } of [...state.pdus, ...state.auth_chain]) {
        for (const event of auth_events) assert.ok(known.has(event), `${event} authorises something and is not there`);
      }
      const { auth_chain: chain } = await server.gets(`/v1/event_auth/${path}/${said}`);
      assert.ok(chain.some(({ type }: Pdu) => type === 'm.room.power_levels'));
      assert.ok(!chain.map(idOf).includes(said));
      await server.isRefused(`/v1/state_ids/${path}`, notFound, { event_id: '$unknown' });
      await server.isRefused(`/v1/event_auth/${path}/$unknown`, notFound);
      const create = state.pdus.find(({ type }: Pdu) => type === 'm.room.create');
      const before = await server.gets(`/v1/state_ids/${path}`, { event_id: idOf(create) });
      assert.deepEqual(before, { pdu_ids: [], auth_chain_ids: [] });
    });
  });

  test('servers that are not in the room, or not any more, or shut out, get nothing', async ({ homeserver }) => {
    const { alice, room, path } = await roomWithRob(homeserver);
    await joinsFromElsewhere(homeserver, room, '@eve:evil.example');
    const said = await alice.says('hello', room);
    await withServers(homeserver, async (as) => {
      const getsNothing = async (server: string): Promise<void> => {
        for (const [where, query] of [
          [`/v1/backfill/${path}`, { v: said, limit: 5 }],
          [`/v1/event/${said}`, undefined],
          [`/v1/event_auth/${path}/${said}`, undefined],
          [`/v1/state/${path}`, { event_id: said }],
          [`/v1/state_ids/${path}`, { event_id: said }],
          [`/v1/timestamp_to_event/${path}`, { ts: 0, dir: 'f' }],
        ] as const) {
          await as(server).isRefused(where, forbidden, query);
        }
        const body = { earliest_events: [], latest_events: [said] };
        assert.equal((await as(server).asks('POST', `/v1/get_missing_events/${path}`, { body })).status, 403);
      };
      await getsNothing('stranger.example');
      assert.equal((await as('evil.example').gets(`/v1/event/${said}`)).pdus.length, 1);
      await alice.setsState(room, 'm.room.server_acl', { allow: ['*'], deny: ['evil.example'] });
      await getsNothing('evil.example');
      await joinsFromElsewhere(homeserver, room, '@rob:elsewhere.example', 'leave');
      await getsNothing('elsewhere.example');
      const nowhere = encodeURIComponent('!nowhere:hive.example');
      await as('elsewhere.example').isRefused(`/v1/state_ids/${nowhere}`, forbidden, { event_id: said });
    });
  });

  test("an event of another room is not to be had by this room's address", async ({ homeserver }) => {
    const { alice, path } = await roomWithRob(homeserver);
    const elsewhere = await alice.createsRoom();
    const secret = await alice.says('secret', elsewhere);
    await withServers(homeserver, async (as) => {
      const server = as('elsewhere.example');
      assert.deepEqual((await server.gets(`/v1/backfill/${path}`, { v: secret, limit: 5 })).pdus, []);
      for (const where of ['state', 'state_ids']) await server.isRefused(`/v1/${where}/${path}`, notFound, { event_id: secret });
      await server.isRefused(`/v1/event_auth/${path}/${secret}`, notFound);
      await server.isRefused(`/v1/event/${secret}`, forbidden);
      const body = { earliest_events: [], latest_events: [secret] };
      assert.deepEqual((await server.asks('POST', `/v1/get_missing_events/${path}`, { body })).body, { events: [] });
    });
  });

  test("what was said before anybody of a server was there reaches it without its words, unless the room's past is shared", async ({
    homeserver,
  }) => {
    const alice = await homeserver.person('alice');
    const room = await alice.createsRoom({ preset: 'public_chat' });
    const shared = await alice.says('for all who come', room);
    await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
    const hidden = await alice.says('among us', room);
    await joinsFromElsewhere(homeserver, room, '@rob:elsewhere.example');
    const open = await alice.says('welcome', room);
    await joinsFromElsewhere(homeserver, room, '@rob:elsewhere.example', 'leave');
    const missed = await alice.says('he is gone', room);
    await joinsFromElsewhere(homeserver, room, '@robin:elsewhere.example');
    const last = await alice.says('hello again', room);
    await withServers(homeserver, async (as) => {
      const path = encodeURIComponent(room);
      const { pdus } = await as('elsewhere.example').gets(`/v1/backfill/${path}`, { v: last, limit: 100 });
      const words = new Map(pdus.map((pdu: Pdu) => [idOf(pdu), pdu.content['body']]));
      assert.deepEqual(
        [shared, hidden, open, missed, last].map((event) => words.get(event)),
        ['for all who come', undefined, 'welcome', undefined, 'hello again'],
      );
      // Every event is there all the same, so that the graph has no holes.
      assert.ok(words.has(hidden) && words.has(missed));
      const one = await as('elsewhere.example').gets(`/v1/event/${hidden}`);
      assert.deepEqual(one.pdus[0].content, {});
      const joins = pdus.filter((pdu: Pdu) => pdu.state_key === '@rob:elsewhere.example');
      assert.deepEqual(
        joins.map((pdu: Pdu) => pdu.content['membership']),
        ['leave', 'join'],
      );
    });
  });

  test('an invite lets a server see what the invited may', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const room = await alice.createsRoom({ preset: 'public_chat' });
    await alice.setsState(room, 'm.room.history_visibility', { history_visibility: 'invited' });
    const before = await alice.says('nobody knows', room);
    const userId = '@rob:elsewhere.example';
    const invite = { sender: alice.userId, type: 'm.room.member', stateKey: userId, content: { membership: 'invite' } };
    await fromElsewhere(homeserver, room, invite);
    const after = await alice.says('come in', room);
    await joinsFromElsewhere(homeserver, room, userId);
    await withServers(homeserver, async (as) => {
      const body = async (event: string): Promise<unknown> =>
        (await as('elsewhere.example').gets(`/v1/event/${event}`)).pdus[0].content.body;
      assert.deepEqual([await body(before), await body(after)], [undefined, 'come in']);
    });
  });

  test('a server finds the event nearest to a moment, among those that it may know', async ({ homeserver }) => {
    const { alice, room, path } = await roomWithRob(homeserver);
    const said = await alice.says('hello', room);
    await withServers(homeserver, async (as) => {
      const server = as('elsewhere.example');
      const where = `/v1/timestamp_to_event/${path}`;
      const found = await server.gets(where, { ts: 9_000_000_000_000, dir: 'b' });
      assert.equal(found.event_id, said);
      const first = await server.gets(where, { ts: 0, dir: 'f' });
      assert.ok(first.origin_server_ts <= found.origin_server_ts);
      await server.isRefused(where, notFound, { ts: 0, dir: 'b' });
      await server.isRefused(where, { status: 400, errcode: 'M_INVALID_PARAM' }, { ts: 'now', dir: 'b' });
    });
  });

  testWith(
    'where the operator lets them, servers learn what nothing follows yet',
    { config: { experimental_features: { msc4370_enabled: true } } },
    async ({ homeserver }) => {
      const { alice, room } = await roomWithRob(homeserver);
      const where = `/unstable/org.matrix.msc4370/extremities/${encodeURIComponent(room)}`;
      await withServers(homeserver, async (as) => {
        for (const words of ['one', 'two']) {
          const said = await alice.says(words, room);
          assert.deepEqual(await as('elsewhere.example').gets(where), { prev_events: [said] });
        }
        await as('stranger.example').isRefused(where, forbidden);
        await as('elsewhere.example').isRefused(where.replace(encodeURIComponent(room), '!nowhere'), notFound);
        await alice.setsState(room, 'm.room.server_acl', { allow: ['*'], deny: ['elsewhere.example'] });
        await as('elsewhere.example').isRefused(where, forbidden);
      });
    },
  );

  test('otherwise there is no such question', async ({ homeserver }) => {
    const { path } = await roomWithRob(homeserver);
    await withServers(homeserver, async (as) => {
      const where = `/unstable/org.matrix.msc4370/extremities/${path}`;
      await as('elsewhere.example').isRefused(where, { status: 404, errcode: 'M_UNRECOGNIZED' });
    });
  });
});
