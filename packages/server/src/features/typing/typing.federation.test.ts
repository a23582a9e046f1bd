import assert from 'node:assert/strict';

import type { JsonObject } from '@myelin/protocol/events';
import type { ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { stranger } from '../../federation/outbound/outbound.fixture.ts';
import { member, openHive, state } from '../hive.fixture.ts';
import { typingFeature } from './index.ts';

const elsewhere = 'elsewhere.example' as ServerName;

forEachDatabase('typing across servers', ({ test }) => {
  test('a server speaks for its own users, who are in the room, and for nobody else', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const carol = await stranger(hive, 'carol', elsewhere);
    const dora = await stranger(hive, 'dora', elsewhere);
    await hive.rooms.send(room, [member(carol, 'join')]);
    const feature = await typingFeature(hive);
    const says = (content: JsonObject, origin = elsewhere) => feature.edus?.['m.typing']?.({ type: 'm.typing', content, origin });
    const typists = () =>
      (JSON.parse(feature.typing.eventFor(room.nid, new Set())) as { content: { user_ids: string[] } }).content.user_ids;
    const typing = (userId: string, isTyping: unknown = true): JsonObject => ({
      room_id: room.roomId,
      user_id: userId,
      typing: isTyping as boolean,
    });
    await says(typing(alice.userId));
    await says(typing(dora.userId));
    await says(typing(carol.userId), 'third.example' as ServerName);
    await says(typing(carol.userId, 'yes'));
    await says({ ...typing(carol.userId), room_id: '!nowhere' });
    await says({});
    assert.deepEqual(typists(), []);
    await says(typing(carol.userId));
    assert.deepEqual(typists(), [carol.userId]);
    hive.clock.advance(60_000);
    assert.deepEqual(typists(), [], 'a server that dies leaves nobody typing for ever');
    await hive.rooms.send(room, [state(alice, 'm.room.server_acl', { allow: ['*'], deny: [elsewhere] })]);
    await says(typing(carol.userId));
    assert.deepEqual(typists(), []);
    assert.deepEqual(hive.sentEdus, [], 'nobody is told what they have told us');
  });

  test('other servers hear who begins, who goes on for long, and who stops', async ({ database }) => {
    const hive = await openHive(database);
    const { alice } = hive.people;
    const { room } = await hive.friendsInARoom();
    const { typing } = await typingFeature(hive);
    const told = () => hive.sentEdus.splice(0).map(({ content, roomNids }) => [content['typing'], ...roomNids]);
    const turns = () => new Promise((resolve) => setImmediate(resolve));
    for (let second = 0; second < 50; second += 10) {
      await typing.set(alice, room.roomId, true, 30_000);
      hive.clock.advance(10_000);
    }
    await turns();
    assert.deepEqual(told(), [
      [true, room.nid],
      [true, room.nid],
    ]);
    hive.clock.advance(30_000);
    await turns();
    assert.deepEqual(told(), [[false, room.nid]]);
    await typing.set(alice, room.roomId, false);
    await turns();
    assert.deepEqual(told(), []);
  });
});
