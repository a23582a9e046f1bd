import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RoomAlias, RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';

import { CacheBudget } from '../../platform/cache/index.ts';
import { createTestClock } from '../../platform/clock.ts';
import { silentLogger } from '../../platform/observability/index.ts';
import { RemoteError } from '../../remote-servers/index.ts';
import type { PersistBatch } from '../../rooms/index.ts';
import { createRemoteQueries, type ServerCalls } from './index.ts';
import type { RemoteHistoryNeeds } from './remote-history.ts';

type Script = (asked: { server: string; id: string; input: Record<string, any> }) => unknown;

const [far, near] = ['far.example', 'near.example'] as ServerName[] as [ServerName, ServerName];
const unreachable = (): never => {
  throw new RemoteError('unreachable', 'the line is dead');
};
const refused = (status: number, errcode: string): never => {
  throw new RemoteError('refused', 'no', { status, errcode });
};

/** Asks servers that answer as a script says, and counts what they were asked. */
function asking(script: Script) {
  const clock = createTestClock();
  const asked: string[] = [];
  const servers = {
    async request(server: string, contract: { readonly id: string }, input: Record<string, unknown>) {
      asked.push(`${server} ${contract.id}`);
      return script({ server, id: contract.id, input });
    },
  } as unknown as ServerCalls;
  const queries = createRemoteQueries({
    // Only the past of rooms is looked for there.
    ...({} as Pick<RemoteHistoryNeeds, 'database' | 'names' | 'rooms'>),
    servers,
    clock,
    caches: new CacheBudget(16_000_000),
    logger: silentLogger,
    serverName: 'hive.example' as ServerName,
  });
  return { queries, asked, clock };
}

test('an alias is asked of its own server, whose answer is good for a minute; what is not there is asked again', async () => {
  let known = false;
  const { queries, asked, clock } = asking(() =>
    known ? { room_id: '!tea:far.example', servers: ['near.example'] } : refused(404, 'M_NOT_FOUND'),
  );
  const alias = '#tea:far.example' as RoomAlias;
  assert.equal(await queries.directory.resolve(alias), undefined);
  known = true;
  const found = { roomId: '!tea:far.example', servers: ['near.example', 'far.example'] };
  assert.deepEqual(await queries.directory.resolve(alias), found);
  assert.deepEqual(await queries.directory.resolve(alias), found);
  assert.equal(asked.length, 2);
  clock.advance(61_000);
  await Promise.all([queries.directory.resolve(alias), queries.directory.resolve(alias)]);
  assert.equal(asked.length, 3);
});

test('a directory is searched only where something is looked for, and says why it shows nothing', async () => {
  const bodies: unknown[] = [];
  const { queries, asked } = asking(({ server, input }) => {
    if (server === near) refused(403, 'M_FORBIDDEN');
    if (server !== far) unreachable();
    bodies.push(input['body'] ?? input['query']);
    const room = { room_id: '!tea:far.example', num_joined_members: 3, world_readable: false, guest_can_join: true };
    return { chunk: [room], next_batch: 'more' };
  });
  const plain = { limit: 5, since: undefined, filter: {} };
  const page = await queries.directory.publicRooms(far, plain);
  assert.equal(page.next_batch, 'more');
  assert.equal(page.chunk[0]?.join_rule, 'public');
  await queries.directory.publicRooms(far, { ...plain, filter: { term: 'tea', roomTypes: [null] } });
  assert.deepEqual(asked, ['far.example getPublicRooms', 'far.example queryPublicRooms']);
  assert.deepEqual(bodies, [{ limit: 5 }, { limit: 5, filter: { generic_search_term: 'tea', room_types: [null] } }]);
  await assert.rejects(queries.directory.publicRooms(near, plain), { errcode: 'M_FORBIDDEN', status: 403 });
  await assert.rejects(queries.directory.publicRooms('gone.example' as ServerName, plain), { errcode: 'M_UNKNOWN', status: 502 });
});

test('a profile is what can be one of what a server says', async () => {
  const answers: Record<string, () => unknown> = {
    '@rob:far.example': () => ({ displayname: 'Rob', avatar_url: 'mxc://far.example/rob', 'm.tz': 'Europe/Rome' }),
    '@odd:far.example': () => ({ displayname: 7, avatar_url: 'https://evil.example/track.png' }),
    '@shy:far.example': () => refused(403, 'M_FORBIDDEN'),
    '@gone:far.example': () => refused(404, 'M_NOT_FOUND'),
  };
  const { queries, asked } = asking(({ input }) => (answers[input['query'].user_id] ?? unreachable)());
  const profileOf = (userId: string) => queries.profiles.profileOf(userId as UserId);
  const rob = { displayname: 'Rob', avatarUrl: 'mxc://far.example/rob', fields: { 'm.tz': 'Europe/Rome' } };
  assert.deepEqual(await profileOf('@rob:far.example'), rob);
  assert.deepEqual(await profileOf('@rob:far.example'), rob);
  assert.equal(asked.length, 1);
  assert.deepEqual(await profileOf('@odd:far.example'), { displayname: undefined, avatarUrl: undefined, fields: {} });
  await assert.rejects(profileOf('@shy:far.example'), { errcode: 'M_FORBIDDEN' });
  assert.equal(await profileOf('@gone:far.example'), undefined);
  assert.equal(await profileOf('@nobody:dead.example'), undefined);
});

test('a space is asked of one server after another, five at most, and never of ourselves', async () => {
  const space = '!space:far.example' as RoomId;
  const room = { room_id: space, num_joined_members: 1, world_readable: true, guest_can_join: false, children_state: [] };
  const { queries, asked } = asking(({ server }) => {
    if (server === near) unreachable();
    if (server === 'liar.example')
      return { room: { ...room, room_id: '!other:far.example' }, children: [], inaccessible_children: [] };
    if (server !== far) return refused(404, 'M_NOT_FOUND');
    return { room, children: [], inaccessible_children: ['!secret:far.example'] };
  });
  const via = ['hive.example', near, near, 'liar.example', far, 'more.example'] as ServerName[];
  const found = await queries.spaces.hierarchy(space, via);
  assert.deepEqual(found?.inaccessible, ['!secret:far.example']);
  assert.deepEqual(
    asked.map((one) => one.split(' ')[0]),
    [near, 'liar.example', far],
  );
  const summary = await queries.directory.summary(space, via);
  assert.deepEqual(summary, {
    room_id: space,
    num_joined_members: 1,
    world_readable: true,
    guest_can_join: false,
    join_rule: 'public',
  });
  assert.equal(asked.length, 3);
  const many = Array.from({ length: 9 }, (_, index) => `s${index}.example` as ServerName);
  assert.equal(await queries.spaces.hierarchy('!nowhere:far.example' as RoomId, many), undefined);
  assert.equal(asked.length, 8);
});

test('a profile is asked for again as soon as a member event tells that it has changed', async () => {
  let name = 'Alice';
  const { queries, asked } = asking(() => ({ displayname: name }));
  const alice = '@alice:far.example' as UserId;
  assert.equal((await queries.profiles.profileOf(alice))?.displayname, 'Alice');
  name = 'Alice of the Hill';
  assert.equal((await queries.profiles.profileOf(alice))?.displayname, 'Alice');
  const renamed = { type: 'm.room.member', stateKey: alice };
  queries.profiles.hook.after?.({ stateChanges: [renamed] } as unknown as PersistBatch);
  assert.equal((await queries.profiles.profileOf(alice))?.displayname, 'Alice of the Hill');
  assert.equal(asked.length, 2);
});
