import assert from 'node:assert/strict';

import type { RoomId, UserId } from '@myelin/protocol/identifiers';
import { forEachHomeserver, type Person } from '@myelin/testing';

import type { RoomSummary } from '../room-directory/index.ts';
import { joinsFromElsewhere, serveServers } from '../servers.fixture.ts';
import type { RemoteSpaces } from './remote-spaces.ts';
import type { ChildEvent } from './space-children.ts';
import { spacesFederation } from './spaces.federation.ts';
import { startOf, walkHierarchy } from './walk-hierarchy.ts';

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const invalid = { status: 400, errcode: 'M_INVALID_PARAM' };
const tree = (room: string): string => `/_matrix/client/v1/rooms/${encodeURIComponent(room)}/hierarchy`;
const idsOf = (answer: { rooms: { room_id: string }[] }): string[] => answer.rooms.map(({ room_id: roomId }) => roomId);

async function makesSpace(person: Person, options: Record<string, unknown> = {}): Promise<string> {
  return person.createsRoom({ preset: 'public_chat', creation_content: { type: 'm.space' }, ...options });
}

async function adds(person: Person, space: string, child: string, content: Record<string, unknown> = {}): Promise<void> {
  await person.setsState(space, 'm.space.child', { via: ['hive.example'], ...content }, child);
}

async function garden(alice: Person) {
  const space = await makesSpace(alice, { name: 'Garden' });
  const [roses, shed] = [await alice.createsRoom({ preset: 'public_chat', name: 'Roses' }), await makesSpace(alice)];
  const tools = await alice.createsRoom({ preset: 'public_chat', name: 'Tools' });
  await adds(alice, space, shed, { order: 'a' });
  await adds(alice, space, roses, { order: 'b', suggested: true });
  await adds(alice, shed, tools);
  return { space, roses, shed, tools };
}

forEachHomeserver('spaces', ({ test }) => {
  test('Bob looks through a space: what is in a room of it comes right behind it', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const { space, roses, shed, tools } = await garden(alice);
    const answer = await bob.get(tree(space));
    assert.deepEqual(idsOf(answer), [space, shed, tools, roses]);
    assert.equal(answer.next_batch, undefined);
    const [top, , leaf] = answer.rooms;
    assert.equal(top.name, 'Garden');
    assert.equal(top.room_type, 'm.space');
    assert.deepEqual(
      top.children_state.map(({ state_key }: { state_key: string }) => state_key),
      [shed, roses],
    );
    assert.deepEqual(leaf.children_state, []);
    assert.deepEqual(idsOf(await bob.get(tree(space), { max_depth: 0 })), [space]);
    assert.deepEqual(idsOf(await bob.get(tree(space), { max_depth: 1 })), [space, shed, roses]);
    const suggested = await bob.get(tree(space), { suggested_only: true });
    assert.deepEqual(idsOf(suggested), [space, roses]);
    assert.equal(suggested.rooms[0].children_state.length, 1);
  });

  test('rooms that cannot be entered are left out, and what is below them', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const { space, roses, shed } = await garden(alice);
    await alice.setsState(shed, 'm.room.join_rules', { join_rule: 'invite' });
    assert.deepEqual(idsOf(await bob.get(tree(space))), [space, roses]);
    await bob.isRefused('GET', tree(shed), forbidden);
    await bob.isRefused('GET', tree('!nowhere:hive.example'), forbidden);
    const allow = [{ type: 'm.room_membership', room_id: space }];
    await alice.setsState(shed, 'm.room.join_rules', { join_rule: 'restricted', allow });
    assert.equal(idsOf(await bob.get(tree(space))).includes(shed), false);
    await bob.joins(space);
    const seen = await bob.get(tree(space));
    const inside = seen.rooms.find(({ room_id: roomId }: { room_id: string }) => roomId === shed);
    assert.deepEqual(inside.allowed_room_ids, [space]);
    assert.equal(inside.join_rule, 'restricted');
  });

  test('a loop ends, and a room in two places is shown once', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { space, roses, shed, tools } = await garden(alice);
    await adds(alice, shed, space);
    await adds(alice, shed, roses);
    assert.deepEqual(idsOf(await alice.get(tree(space))), [space, shed, tools, roses]);
    await alice.setsState(space, 'm.space.child', {}, roses);
    await alice.setsState(shed, 'm.space.child', {}, roses);
    assert.deepEqual(idsOf(await alice.get(tree(space))), [space, shed, tools]);
  });

  test('a large space comes in pages, which can be asked for again', async ({ homeserver }) => {
    const [alice, bob] = [await homeserver.person('alice'), await homeserver.person('bob')];
    const { space, roses, shed, tools } = await garden(alice);
    const first = await bob.get(tree(space), { limit: 1 });
    assert.deepEqual(idsOf(first), [space]);
    const from = first.next_batch as string;
    const second = await bob.get(tree(space), { limit: 2, from });
    assert.deepEqual(idsOf(second), [shed, tools]);
    assert.deepEqual(idsOf(await bob.get(tree(space), { limit: 2, from })), [shed, tools]);
    const last = await bob.get(tree(space), { from: second.next_batch as string });
    assert.deepEqual(idsOf(last), [roses]);
    assert.equal(last.next_batch, undefined);
    await bob.isRefused('GET', tree(space), invalid, { query: { from, max_depth: 1 } });
    await bob.isRefused('GET', tree(space), invalid, { query: { from, suggested_only: true } });
    await bob.isRefused('GET', tree(shed), invalid, { query: { from } });
    await alice.isRefused('GET', tree(space), invalid, { query: { from } });
    await bob.isRefused('GET', tree(space), invalid, { query: { from: 'made-up' } });
    for (const query of [{ limit: 0 }, { max_depth: -1 }]) await bob.isRefused('GET', tree(space), invalid, { query });
  });

  test('rooms of other servers are shown as those tell of them, where this one is not in them', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { space, roses, shed, tools } = await garden(alice);
    const [far, leaf, secret] = ['!far:far.example', '!leaf:far.example', '!secret:far.example'] as RoomId[];
    assert.ok(far && leaf && secret);
    await adds(alice, shed, far, { via: ['far.example'] });
    const asked: string[] = [];
    const child = (roomId: string, index: number): ChildEvent => ({
      type: 'm.space.child',
      state_key: roomId,
      sender: '@rob:far.example' as UserId,
      content: { via: ['near.example'] },
      origin_server_ts: index,
    });
    const told = (room_id: RoomId, more: Partial<RoomSummary> = {}): RoomSummary => ({
      room_id,
      num_joined_members: 3,
      world_readable: false,
      guest_can_join: false,
      join_rule: 'public',
      ...more,
    });
    const remote: RemoteSpaces = {
      async hierarchy(roomId, via) {
        asked.push(`${roomId} ${via.join()}`);
        if (roomId !== far) return undefined;
        const children_state = [leaf, secret, '!gone:far.example', roses, '!barred:far.example'].map(child);
        return {
          room: { ...told(far, { room_type: 'm.space' }), children_state },
          // What it tells of a room of ours is not asked for.
          children: [
            told(leaf, { name: 'Leaf' }),
            told(secret, { join_rule: 'invite' }),
            told(roses as RoomId, { name: 'Lies' }),
          ],
          inaccessible: ['!barred:far.example' as RoomId],
        };
      },
    };
    const { needs } = homeserver.server;
    const viewer = { userNid: await needs.names.idOf(alice.userId), userId: alice.userId as UserId, isGuest: false };
    const question = { roomId: space as RoomId, via: [], suggestedOnly: false, maxDepth: 10 };
    const { rooms, next } = await walkHierarchy({ ...needs, remote }, viewer, question, startOf(question), 50);
    assert.equal(next, undefined);
    assert.deepEqual(idsOf({ rooms }), [space, shed, tools, far, leaf, roses]);
    assert.deepEqual(rooms.at(4)?.name, 'Leaf');
    assert.deepEqual(rooms.at(5)?.name, 'Roses');
    assert.deepEqual(asked, [`${far} far.example`, '!gone:far.example near.example']);
  });

  test('other servers are told of the children that their users could enter', async ({ homeserver }) => {
    const alice = await homeserver.person('alice');
    const { space, roses, shed, tools } = await garden(alice);
    const secret = await alice.createsRoom({ preset: 'private_chat' });
    await adds(alice, space, secret);
    await adds(alice, space, '!unknown:elsewhere.example');
    const servers = await serveServers(homeserver, spacesFederation(homeserver.server.needs));
    const path = (room: string): string => `/v1/hierarchy/${encodeURIComponent(room)}`;
    const asks = async (server: string, room = space): Promise<any> => servers.as(server).gets(path(room));
    const told = await asks('elsewhere.example');
    assert.equal(told.room.room_id, space);
    assert.equal(told.room.children_state.length, 4);
    assert.deepEqual(idsOf({ rooms: told.children }), [shed, roses]);
    assert.deepEqual(told.inaccessible_children, [secret]);
    const suggested = await servers.as('elsewhere.example').gets(path(space), { suggested_only: true });
    assert.deepEqual(idsOf({ rooms: suggested.children }), [roses]);
    const notFound = { status: 404, errcode: 'M_NOT_FOUND' };
    for (const room of [secret, '!unknown:elsewhere.example'])
      await servers.as('elsewhere.example').isRefused(path(room), notFound);
    // Who may come because somebody of theirs is in another room.
    await alice.setsState(secret, 'm.room.join_rules', {
      join_rule: 'restricted',
      allow: [{ type: 'm.room_membership', room_id: tools }],
    });
    await servers.as('elsewhere.example').isRefused(path(secret), notFound);
    await joinsFromElsewhere(homeserver, tools, '@rob:elsewhere.example');
    assert.equal((await asks('elsewhere.example', secret)).room.room_id, secret);
    await servers.as('stranger.example').isRefused(path(secret), notFound);
    await alice.setsState(space, 'm.room.server_acl', { allow: ['*'], deny: ['stranger.example'] });
    await servers.as('stranger.example').isRefused(path(space), notFound);
    await servers.stop();
  });
});
