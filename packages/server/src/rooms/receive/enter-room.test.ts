import assert from 'node:assert/strict';

import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import { roomVersionRules } from '@myelin/protocol/room-versions';
import { forEachDatabase } from '@myelin/testing/databases';

import { joinedServers, memberCounts, strippedStateOf } from '../membership/membership-store.ts';
import { joinRule, membership, says, topic, type OtherServers } from './other-servers.fixture.ts';
import {
  ann,
  bob,
  enters,
  expected,
  far,
  friendsElsewhere,
  lea,
  mallory,
  readable,
  roomsOver,
  storyIn,
} from './room-story.fixture.ts';

const max = '@max:hive.example';

/** A room in which many strangers are. */
function crowd(others: OtherServers, last: EventId, size: number): EventId {
  let at = last;
  for (let count = 0; count < size; count++) {
    // Said to be where all came in at once: the state before it is not worked out for each of them.
    at = others.send(membership(`@user${count}:s${count % 20}.example`, 'join'), [at]);
  }
  return at;
}

forEachDatabase('entering rooms', ({ test, dialect }) => {
  for (const version of ['1', '6', '10', '12']) {
    test(`Lea enters a room of version ${version}; afterwards members, servers and state are known`, async ({
      database,
      reopen,
    }) => {
      const { others, join } = friendsElsewhere(version);
      const rooms = await roomsOver(database, others);
      const room = await enters(rooms, others, join);
      assert.deepEqual(await readable(rooms, room), expected(others, [join]));
      const again = await roomsOver(await reopen(), others);
      const known = await again.ids.find(others.roomId);
      assert.ok(known);
      assert.deepEqual(await readable(again, known), expected(others, [join]));
      const event = await again.events.byId(join);
      assert.ok(event?.position !== undefined);
      assert.deepEqual(await again.timeline.page(known.nid, { direction: 'f', limit: 10 }), [event]);
    });
  }

  test('a room in which somebody has invited and banned what is nobody can be entered', async ({ database, reopen }) => {
    const { others, join } = friendsElsewhere('10');
    let last = join;
    for (const nobody of ['', 'nobody', '@', '@:', '@nobody:not a server']) {
      last = others.send(membership(nobody, 'invite', ann), [last]);
      last = others.send(membership(`${nobody}!`, 'ban', ann), [last]);
    }
    const late = others.send(membership(max, 'join'), [last]);
    const rooms = await roomsOver(database, others);
    const room = await enters(rooms, others, late);
    assert.deepEqual(await readable(rooms, room), expected(others, [late]));
    assert.equal((await memberCounts(database, room.nid)).get('join'), 6);
    assert.equal((await joinedServers(database, room.nid)).length, 5);
    const again = await roomsOver(await reopen(), others);
    assert.deepEqual(await readable(again, room), expected(others, [late]));
  });

  test('members are counted, by what the state says', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const room = await enters(rooms, others, join);
    assert.equal((await memberCounts(database, room.nid)).get('join'), 5);
    assert.equal((await joinedServers(database, room.nid)).length, 5);
    assert.equal(await rooms.inTurn(room, (inMemory) => Promise.resolve(inMemory.head.members.get('join'))), 5);
  });

  test('a join that the state does not allow is refused, and the room is as it was', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const ban = others.send(membership(lea, 'ban', ann), [join]);
    const again = others.forge(membership(lea, 'join'), [ban]);
    const rooms = await roomsOver(database, others);
    await assert.rejects(enters(rooms, others, again), { errcode: 'M_FORBIDDEN' });
    const room = await rooms.ids.find(others.roomId);
    assert.ok(room);
    assert.deepEqual(await readable(rooms, room), {});
  });

  test('what was forged in the state is left out', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const named = others.send(topic(bob, 'bees'), [join]);
    const max2 = others.send(membership(max, 'join'), [named]);
    const rooms = await roomsOver(database, others);
    const { before } = others.sent(max2);
    const stateEvents = Array.from(before.values(), (eventId) => {
      const pdu = others.pdu(eventId);
      return pdu.type === 'm.room.topic' ? { ...pdu, origin_server_ts: 1 } : pdu;
    });
    const room = await rooms.receiving.enterRoom({
      roomId: others.roomId,
      rules: others.rules,
      given: [
        { inState: true, events: stateEvents },
        { inState: false, events: others.authChain(before.values()).map((eventId) => others.pdu(eventId)) },
      ],
      rest: () => Promise.resolve({ joinEvent: others.pdu(max2) }),
      origin: far,
    });
    const state = await readable(rooms, room);
    assert.equal(state['m.room.topic '], undefined);
    assert.ok(state[`m.room.member ${lea}`]);
  });

  test('Lea and Max enter at the same time; both are in', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const second = others.send(membership(max, 'join'), others.sent(join).event.prevEvents);
    const rooms = await roomsOver(database, others);
    const [room] = await Promise.all([enters(rooms, others, join), enters(rooms, others, second)]);
    const both = [join, second];
    assert.deepEqual(await readable(rooms, room), expected(others, both));
    assert.deepEqual(await storyIn(rooms, room, others, join).extremities(), both.sort());
  });

  test('having left, Lea comes back; what she read before stays, what happened meanwhile is a gap', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const room = await enters(rooms, others, join);
    const at = storyIn(rooms, room, others, join);
    const hello = others.send(says(ann, 'hello'), [join]);
    assert.equal(await at.receives(hello), 'accepted');
    const leave = others.send(membership(lea, 'leave'), [hello]);
    assert.equal(await at.receives(leave), 'accepted');
    let last = others.send(membership(bob, 'leave'), [leave]);
    last = others.send(topic(ann, 'without them'), [last]);
    const back = others.send(membership(lea, 'join'), [last]);
    await enters(rooms, others, back);
    assert.deepEqual(await readable(rooms, room), expected(others, [back]));
    assert.deepEqual(await at.extremities(), [back]);
    const page = await rooms.timeline.page(room.nid, { direction: 'f', limit: 10 });
    assert.deepEqual(
      page.map(({ eventId }) => eventId),
      [join, hello, leave, back],
    );
    assert.equal((await memberCounts(database, room.nid)).get('join'), 4);
    assert.equal((await memberCounts(database, room.nid)).get('leave'), 1);
    const came = await rooms.receiving.backfill(room, { servers: [far], limit: 20, from: [last] });
    assert.ok(came >= 2);
  });

  test('an invitation to a room that is not known is kept; the invited comes in later', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const [beforeJoin] = others.sent(join).event.prevEvents;
    assert.ok(beforeJoin);
    const invite = others.send(membership(max, 'invite', ann), [beforeJoin]);
    const rooms = await roomsOver(database, others);
    const shown = '[{"type":"m.room.name","sender":"@ann:far.example","state_key":"","content":{"name":"Hive"}}]';
    const event = others.pdu(invite);
    assert.equal(await rooms.receiving.receiveOutOfBand(others.roomId, others.rules, { event, strippedState: shown }), true);
    const room = await rooms.ids.find(others.roomId);
    assert.ok(room);
    assert.deepEqual(await readable(rooms, room), {});
    const caught = await rooms.events.byId(invite);
    assert.ok(caught);
    const maxNid = await userNid(rooms, max);
    assert.equal((await rooms.memberships.of(maxNid, room.nid))?.membership, 'invite');
    assert.equal(await strippedStateOf(database, maxNid, room.nid), shown);

    const accepted = others.send(membership(max, 'join'), [invite]);
    await enters(rooms, others, accepted);
    assert.deepEqual(await readable(rooms, room), expected(others, [accepted]));
    const counts = await rooms.inTurn(room, (inMemory) => Promise.resolve(new Map(inMemory.head.members)));
    assert.equal(counts.get('join'), 5);
    assert.equal(counts.get('invite') ?? 0, 0);
    // Known with its auth events now, whose numbers must be smaller than its own.
    const known = await rooms.events.byId(invite);
    const levels = await rooms.states.current(room.nid, 'm.room.power_levels', '');
    assert.ok(known && levels && known.nid > levels.nid);
    assert.notEqual(known.nid, caught.nid);
  });

  test('a lie about the version, told in an invitation or by a server that shows the room, keeps nobody out', async ({
    database,
    reopen,
  }) => {
    const { others, join } = friendsElsewhere('10');
    const rooms = await roomsOver(database, others);
    const lie = roomVersionRules('9');
    assert.ok(lie);
    const invite = others.forge(membership(max, 'invite', mallory), [join]);
    const told = { event: others.pdu(invite), strippedState: '[]' };
    assert.equal(await rooms.receiving.receiveOutOfBand(others.roomId, lie, told), true);
    // The state of the room, judged by the rules of another version, and then no join.
    const knock = others.send(joinRule(ann, 'knock'), [others.sent(join).event.prevEvents[0] as EventId]);
    const given = others.given([...others.stateOf([others.send(membership(bob, 'leave'), [knock])]).values()]);
    const entrance = { roomId: others.roomId, rules: lie, origin: far, given, rest: () => Promise.reject(new Error('no join')) };
    await assert.rejects(rooms.receiving.enterRoom(entrance), /no join/);

    const room = await enters(rooms, others, join);
    assert.equal(room.rules.id, '10');
    assert.deepEqual(await readable(rooms, room), expected(others, [join]));
    const at = storyIn(rooms, room, others, join);
    assert.equal(await at.receives(others.send(says(ann, 'hello'), [join])), 'accepted');
    const again = await roomsOver(await reopen(), others);
    assert.equal((await again.ids.find(others.roomId))?.rules.id, '10');
    await assert.rejects(again.receiving.receiveOutOfBand(others.roomId, lie, told), /has version 10, not 9/);
  });

  test('a state that has two events for one place is none, in whatever order they are given', async ({ database }) => {
    const { others, join } = friendsElsewhere('10');
    const [beforeJoin] = others.sent(join).event.prevEvents;
    const old = others.send(topic(ann, 'tea'), [beforeJoin as EventId]);
    const current = others.send(topic(ann, 'coffee'), [old]);
    const late = others.send(membership(lea, 'join'), [current]);
    const rooms = await roomsOver(database, others);
    const state = [...others.stateOf([current]).values()];
    const joins = (ids: readonly EventId[]) =>
      rooms.receiving.enterRoom({
        roomId: others.roomId,
        rules: others.rules,
        origin: far,
        given: others.given(ids),
        rest: () => Promise.resolve({ joinEvent: others.pdu(late) }),
      });
    // The second time, all of it has been stored.
    for (const ids of [
      [...state, old],
      [old, ...state],
      [...state, old],
    ]) {
      await assert.rejects(joins(ids), /two events for one part of the state/);
      const room = await rooms.ids.find(others.roomId);
      assert.ok(room);
      assert.deepEqual(await readable(rooms, room), {});
    }
    // Saying the same twice is no contradiction.
    const room = await joins([...state, current]);
    assert.deepEqual(await readable(rooms, room), expected(others, [late]));
  });

  if (dialect === 'sqlite') {
    test('a room of many comes in within bounds', async ({ database }) => {
      const { others, join } = friendsElsewhere('10');
      const [beforeJoin] = others.sent(join).event.prevEvents;
      const last = crowd(others, beforeJoin as EventId, 700);
      const late = others.send(membership(lea, 'join'), [last]);
      const rooms = await roomsOver(database, others);
      const room = await enters(rooms, others, late);
      assert.equal((await memberCounts(database, room.nid)).get('join'), 705);
      assert.equal((await joinedServers(database, room.nid)).length, 25);
    });
  }
});

forEachDatabase('history from before', ({ test }) => {
  test('comes in before all there was, wakes nobody, and changes nothing of the room', async ({ database, reopen }) => {
    const { others, join: first } = friendsElsewhere('10');
    let last = first;
    for (let count = 1; count <= 5; count++) last = others.send(count === 2 ? topic(ann, 'old') : says(ann, `${count}`), [last]);
    last = others.send(topic(ann, 'new'), [last]);
    const join = others.send(membership(max, 'join'), [last]);
    const rooms = await roomsOver(database, others);
    const room = await enters(rooms, others, join);
    const state = await readable(rooms, room);
    const latest = await rooms.timeline.latestPosition(room.nid);

    assert.equal(await rooms.receiving.backfill(room, { servers: ['down.example' as ServerName, far], limit: 4 }), 4);
    const page = await rooms.timeline.page(room.nid, { direction: 'f', limit: 20 });
    assert.deepEqual(
      page.map(({ content }) => content['body'] ?? content['topic'] ?? content['membership']),
      ['3', '4', '5', 'new', 'join'],
    );
    assert.deepEqual(await readable(rooms, room), state);
    assert.equal(await rooms.timeline.latestPosition(room.nid), latest);
    assert.deepEqual(await rooms.timeline.latest(room.nid, { after: 0, upTo: rooms.stream.now, limit: 20 }), page.slice(-1));
    const [three] = page;
    const oldTopic = await rooms.states.event(room.nid, three?.stateRoot as never, 'm.room.topic', '');
    assert.equal(oldTopic?.content['topic'], 'old');

    const again = await roomsOver(await reopen(), others);
    assert.ok((await again.receiving.backfill(room, { servers: [far], limit: 4 })) > 0);
    const longer = await again.timeline.page(room.nid, { direction: 'f', limit: 30 });
    assert.equal(new Set(longer.map(({ position }) => position)).size, longer.length);
    assert.ok(longer.length > page.length);
    // Down to the room's beginning, and then there is nothing left to ask for.
    while ((await again.receiving.backfill(room, { servers: [far], limit: 10 })) > 0);
    assert.deepEqual(await again.receiving.gaps(room, 10), []);
    const [oldest] = await again.timeline.page(room.nid, { direction: 'f', limit: 1 });
    assert.equal(oldest?.type, 'm.room.create');
  });

  test('an event from before there were limits, which follows thirty others, has its place there', async ({ database }) => {
    const { others, join: first } = friendsElsewhere('6');
    const branches = Array.from({ length: 30 }, (_, count) => others.send(says(ann, `branch ${count}`), [first]));
    const merge = others.send(says(ann, 'all together'), branches);
    const join = others.send(membership(max, 'join'), [merge]);
    const rooms = await roomsOver(database, others);
    const room = await enters(rooms, others, join);
    await rooms.receiving.backfill(room, { servers: [far], limit: 5 });
    const bodies = (await rooms.timeline.page(room.nid, { direction: 'f', limit: 20 })).map(({ content }) => content['body']);
    assert.ok(bodies.includes('all together'));
  });
});

async function userNid(rooms: Awaited<ReturnType<typeof roomsOver>>, user: string): Promise<number> {
  const [key] = await rooms.states.keysOf([['m.room.member', user]]);
  assert.ok(key);
  return key.stateKey;
}
