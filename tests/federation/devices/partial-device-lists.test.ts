import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { FakeServer, startFederation, type FederatedHomeservers } from '@myelin/testing/federation';

import { CrowdedRoom } from '../crowded-room.ts';

const hive = 'hive.example';
const filter = JSON.stringify({ room: { state: { lazy_load_members: true } } });

describe('device lists of a room whose members come later', () => {
  let federation: FederatedHomeservers | undefined;
  let servers: FakeServer[] = [];
  before(async () => {
    federation = await startFederation([hive]);
    servers = [await FakeServer.start('meadow.example', federation), await FakeServer.start('brook.example', federation)];
  });
  after(async () => {
    for (const server of servers) await server.stop();
    await federation?.stop();
  });

  test('when they have come, Bob is told of all of them', async () => {
    const [meadow, brook] = servers;
    assert.ok(federation && meadow && brook);
    const bob = await federation.named(hive).person('bob');
    const room = new CrowdedRoom(meadow, brook, 40, '10');
    await bob.post(`/join/${encodeURIComponent(room.roomId)}?via=${meadow.name}`);
    assert.ok(room.isHeld);
    let { next_batch: since } = await bob.get('/sync', { filter });
    room.tellsMembers();
    const { joined } = await bob.get(`/rooms/${encodeURIComponent(room.roomId)}/joined_members`);
    const others = Object.keys(joined).filter((userId) => userId !== bob.userId);
    assert.ok(others.length > 30);
    const { changed } = await bob.get('/keys/changes', { from: since, to: since });
    assert.deepEqual(changed.toSorted(), others.toSorted());
    const told = await bob.get('/sync', { filter, since });
    assert.deepEqual(told.device_lists.changed.toSorted(), others.toSorted());
    since = told.next_batch;
    assert.equal((await bob.get('/sync', { filter, since })).device_lists, undefined, 'once');
  });
});
