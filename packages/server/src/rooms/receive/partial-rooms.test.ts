import assert from 'node:assert/strict';

import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import { stateMapKey } from '@myelin/protocol/state-resolution';
import { forEachDatabase } from '@myelin/testing/databases';

import { createSeededRandom } from '../../platform/random.ts';
import { joinedServers, memberCounts } from '../membership/membership-store.ts';
import type { RoomIdentity } from '../room-ids.ts';
import type { Rooms } from '../rooms.ts';
import { membership, says, topic, type OtherServers } from './other-servers.fixture.ts';
import { isSettled, membershipsAgree, randomRoom, settledBy, someOrder } from './random-room.fixture.ts';
import { ann, bob, expected, far, friendsElsewhere, lea, readable, roomsOver, storyIn } from './room-story.fixture.ts';

const max = '@max:hive.example';
const servers = ['far.example', 'near.example', 's1.example'] as ServerName[];
const patienceMs = 5_000;

interface Entrance {
  readonly room: RoomIdentity;
  /** The members can be had from now on, and come. */
  membersCome(): Promise<void>;
}

/** Lets Lea's server enter the room without its members, whom nobody gives yet. */
async function entersWithoutMembers(rooms: Rooms, others: OtherServers, join: EventId): Promise<Entrance> {
  const { before, event } = others.sent(join);
  const state = [...before.values()].filter((eventId) => others.pdu(eventId).type !== 'm.room.member');
  const chain = others.authChain([...state, ...event.authEvents]).filter((eventId) => !state.includes(eventId));
  const held = Promise.withResolvers<void>();
  others.statesHeldBack = held.promise;
  const room = await rooms.receiving.enterRoom({
    roomId: others.roomId,
    rules: others.rules,
    given: [
      { inState: false, events: chain.map((eventId) => others.pdu(eventId)) },
      { inState: true, events: state.map((eventId) => others.pdu(eventId)) },
    ],
    rest: () => Promise.resolve({ joinEvent: others.pdu(join), partial: { servers } }),
    origin: far,
  });
  return {
    room,
    async membersCome() {
      held.resolve();
      assert.equal(await rooms.partial.whenComplete(room.nid, patienceMs), true);
    },
  };
}

forEachDatabase('rooms without all their members', ({ test, dialect }) => {
  for (const version of ['1', '6', '10', '12']) {
    test(`a room of version ${version} can be used at once, and its members come later`, async ({ database, reopen }) => {
      const { others, join } = friendsElsewhere(version);
      const rooms = await roomsOver(database, others);
      const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
      assert.ok(rooms.partial.of(room.nid));
      assert.deepEqual([...rooms.partial.serversOf(room.nid)].sort(), servers);
      const state = await readable(rooms, room);
      assert.ok(state[`m.room.member ${lea}`]);
      assert.equal(state[`m.room.member ${bob}`], undefined);
      const at = storyIn(rooms, room, others, join);
      const hello = others.send(says(ann, 'hello'), [join]);
      assert.equal(await at.receives(hello), 'accepted');

      await membersCome();
      assert.deepEqual(await readable(rooms, room), expected(others, [hello]));
      assert.equal((await memberCounts(database, room.nid)).get('join'), 5);
      assert.equal((await joinedServers(database, room.nid)).length, 5);
      const again = await roomsOver(await reopen(), others);
      const known = await again.ids.find(others.roomId);
      assert.ok(known);
      assert.equal(again.partial.of(known.nid), undefined);
      assert.deepEqual(await readable(again, known), expected(others, [hello]));
    });
  }

  test('what happens to members whom nobody here knows yet comes to what it does elsewhere', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
    const at = storyIn(rooms, room, others, join);
    const ban = others.send(membership(bob, 'ban', ann), [join]);
    const named = others.send(topic(ann, 'bees'), [join]);
    const left = others.send(membership('@user1:s1.example', 'join'), [ban, named]);
    const gone = others.send(membership('@user1:s1.example', 'leave'), [left]);
    for (const event of [ban, named, left, gone]) assert.equal(await at.receives(event), 'accepted');
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [gone]));
    assert.deepEqual(await at.extremities(), [gone]);
  });

  test('an event that the whole state does not allow is taken back', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const [beforeJoin] = others.sent(join).event.prevEvents;
    assert.ok(beforeJoin);
    const ban = others.send(membership(bob, 'ban', ann), [beforeJoin]);
    const late = others.send(membership(max, 'join'), [ban]);
    const rooms = await roomsOver(database, others);
    const { room, membersCome } = await entersWithoutMembers(rooms, others, late);
    const at = storyIn(rooms, room, others, late);
    // Bob speaks as if he had not been banned: he names his own join.
    const bobsJoin = others.stateOf([beforeJoin]).get(stateMapKey('m.room.member', bob));
    assert.ok(bobsJoin);
    const levels = others.sent(bobsJoin).event.authEvents.filter((id) => others.pdu(id).type !== 'm.room.join_rules');
    const named = others.forge({ ...topic(bob, 'mine'), auth: [...levels, bobsJoin] }, [late]);
    assert.equal(await at.receives(named), 'accepted');
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [late]));
    assert.deepEqual(await at.extremities(), [late]);
    assert.equal((await rooms.events.byId(named))?.verdict, 'rejected');
  });

  test('an event from the time of the join needs nothing from before it', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const aside = others.send(says(ann, 'who is that?'), others.sent(join).event.prevEvents);
    const rooms = await roomsOver(database, others);
    const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
    const at = storyIn(rooms, room, others, join);
    assert.equal(await at.receives(aside), 'accepted');
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [join, aside]));
  });

  test('after a crash the members are fetched all the same', async ({ database, reopen }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const { room } = await entersWithoutMembers(rooms, others, join);
    rooms.receiving.stop();
    const again = await roomsOver(await reopen(), others);
    assert.deepEqual([...again.partial.serversOf(room.nid)].sort(), servers);
    others.statesHeldBack = undefined;
    again.receiving.completeRooms();
    assert.equal(await again.partial.whenComplete(room.nid, patienceMs), true);
    assert.deepEqual(await readable(again, room), expected(others, [join]));
  });

  test('where the first server is gone, another gives the members', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    others.unreachable.add(far);
    const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [join]));
  });

  test('where a server breaks off, another goes on, and no signature is verified twice', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    others.breakOffAfter.set(far, 5);
    const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
    others.verified.length = 0;
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [join]));
    assert.ok(others.requests.filter((what) => what.startsWith('state $')).length > 1);
    assert.equal(new Set(others.verified).size, others.verified.length);
  });

  test('having left without ever knowing the members, Lea comes back', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const { room } = await entersWithoutMembers(rooms, others, join);
    const leave = others.send(membership(lea, 'leave'), [join]);
    assert.equal(await storyIn(rooms, room, others, join).receives(leave), 'accepted');
    const back = others.send(membership(lea, 'join'), [others.send(topic(ann, 'without her'), [leave])]);
    const { membersCome } = await entersWithoutMembers(rooms, others, back);
    await membersCome();
    assert.deepEqual(await readable(rooms, room), expected(others, [back]));
    assert.equal((await memberCounts(database, room.nid)).get('join'), 5);
  });

  for (const version of ['1', '10', '12']) {
    for (const seed of dialect === 'sqlite' ? [1, 2, 3, 4, 5] : [1]) {
      test(`a room of version ${version} ends up as elsewhere whatever happens before its members come (seed ${seed})`, async ({
        database,
      }) => {
        const random = createSeededRandom(seed * 1_000 + Number(version));
        const { others, join, sent } = randomRoom(version, 30, random);
        const { settled } = settledBy(others, join, sent);
        const rooms = await roomsOver(database, others);
        const { room, membersCome } = await entersWithoutMembers(rooms, others, join);
        const at = storyIn(rooms, room, others, join);
        const comesAfter = random.integer(0, sent.length);
        for (const [index, eventId] of someOrder(others, sent, random).entries()) {
          if (index === comesAfter) await membersCome();
          assert.match(await at.receives(eventId), /^(accepted|soft-failed|known)/);
        }
        await at.receives(settled);
        await isSettled(at, settled);
        await membershipsAgree(at);
      });
    }
  }
});
