import assert from 'node:assert/strict';

import type { EventId, RoomId, ServerName } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { sql } from '../../platform/database/index.ts';
import { levels, membership, says, topic, type OtherServers } from './other-servers.fixture.ts';
import {
  ann,
  bob,
  bodies,
  cora,
  enters,
  expected,
  far,
  friendsElsewhere,
  lea,
  mallory,
  roomsOver,
  story,
  storyIn,
} from './room-story.fixture.ts';

const near = 'near.example' as ServerName;

function fork(others: OtherServers, join: EventId): { ban: EventId; late: EventId } {
  const ban = others.send(membership(mallory, 'ban', ann), [join]);
  const late = others.send(says(mallory, 'you will not be rid of me'), [join]);
  return { ban, late };
}

forEachDatabase('receiving events', ({ test }) => {
  test('events build on others that are not on disk yet; where one cannot be written, those on it are not, and all come again', async ({
    database,
    reopen,
  }) => {
    const at = await story(database);
    let last = at.join;
    const sent = Array.from({ length: 8 }, (_, index) => {
      last = at.others.send(index === 5 ? topic(bob, 'counting') : says(ann, `${index}`), [last]);
      return last;
    });
    let failsNow = true;
    at.rooms.hooks.persist.push({
      name: 'the disk',
      prepare: ({ events: [event] }) => {
        if (!failsNow || event?.eventId !== sent[3]) return undefined;
        failsNow = false;
        const row = { roomNid: at.room.nid, eventNid: event?.nid };
        // The event itself is in this row already.
        return (tx) =>
          tx.run(sql`INSERT INTO forward_extremities (room_nid, event_nid) VALUES (${row.roomNid}, ${row.eventNid})`);
      },
    });
    const placeAll = async (): Promise<PromiseSettledResult<void>[]> => {
      const verdicts = await at.rooms.receiving.atTheDoor(
        at.room,
        sent.map((eventId) => at.others.pdu(eventId)),
      );
      const durables: Promise<void>[] = [];
      for (const verdict of verdicts) {
        assert.ok(verdict.ok);
        const { outcome, durable } = await at.rooms.receiving.place(at.room, verdict, { origin: far });
        assert.match(outcome.outcome, /accepted|known/);
        durable.catch(() => undefined);
        durables.push(durable);
      }
      return Promise.allSettled(durables);
    };
    const first = (await placeAll()).map(({ status }) => status);
    assert.deepEqual(first.slice(0, 4), ['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    const stored = await at.rooms.events.nidsOf(sent);
    // One that came after the failure was known may have brought those before it along.
    for (const [index, status] of first.entries()) if (status === 'fulfilled') assert.ok(stored.has(sent[index] as EventId));
    const second = await placeAll();
    assert.ok(second.every(({ status }) => status === 'fulfilled'));
    const rooms = await roomsOver(await reopen(), at.others);
    const again = storyIn(rooms, at.room, at.others, at.join);
    assert.deepEqual(await bodies(again), ['0', '1', '2', '3', '4', '6', '7']);
    assert.deepEqual(await again.state(), expected(at.others, sent.slice(-1)));
    assert.deepEqual(await again.extremities(), sent.slice(-1));
  });

  for (const version of ['1', '2', '3', '6', '10', '11', '12']) {
    test(`in a room of version ${version} Lea reads what Ann and Bob say, and answers`, async ({ database, reopen }) => {
      const at = await story(database, version);
      const hello = at.others.send(says(ann, 'hello Lea'), [at.join]);
      const name = at.others.send(topic(bob, 'hello'), [hello]);
      assert.equal(await at.receives(hello), 'accepted');
      assert.equal(await at.receives(name), 'accepted');
      const [answer] = await at.rooms.send(at.room, [
        { type: 'm.room.message', sender: lea as never, content: { msgtype: 'm.text', body: 'hello Ann' } },
      ]);
      assert.ok(answer);
      const [pdu] = await at.rooms.pdus.pdusOf([answer], at.room.rules);
      const prev = pdu?.prev_events.map((reference) => (typeof reference === 'string' ? reference : reference[0]));
      assert.deepEqual(prev, [name]);
      assert.deepEqual(await bodies(at), ['hello Lea', 'hello Ann']);
      assert.deepEqual(await at.state(), expected(at.others, [name]));

      const rooms = await roomsOver(await reopen(), at.others);
      const room = await rooms.ids.find(at.room.roomId);
      assert.ok(room);
      const again = storyIn(rooms, room, at.others, at.join);
      assert.deepEqual(await again.state(), expected(at.others, [name]));
      assert.deepEqual(await bodies(again), ['hello Lea', 'hello Ann']);
    });
  }

  test('what has been received before changes nothing', async ({ database }) => {
    const at = await story(database);
    const hello = at.others.send(says(ann, 'hello'), [at.join]);
    assert.equal(await at.receives(hello), 'accepted');
    const now = at.rooms.stream.now;
    assert.equal(await at.receives(hello), 'known');
    assert.equal(at.rooms.stream.now, now);
    assert.deepEqual(await bodies(at), ['hello']);
  });

  test('the same event from ten sides at once comes in once', async ({ database }) => {
    const at = await story(database);
    const hello = at.others.send(says(ann, 'hello'), [at.join]);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => at.receives(hello)));
    assert.deepEqual(outcomes.filter((outcome) => outcome === 'accepted').length, 1);
    assert.deepEqual(await bodies(at), ['hello']);
  });

  test('events that lie between are fetched', async ({ database }) => {
    const at = await story(database);
    let last = at.join;
    for (let count = 1; count <= 5; count++) last = at.others.send(says(ann, `${count}`), [last]);
    assert.equal(await at.receives(last), 'accepted');
    assert.deepEqual(await bodies(at), ['1', '2', '3', '4', '5']);
    assert.deepEqual(await at.extremities(), [last]);
  });

  test('across a gap that is too long the state is asked for, and the gap is known', async ({ database }) => {
    const at = await story(database);
    let last = at.join;
    for (let count = 1; count <= 40; count++)
      last = at.others.send(count === 3 ? topic(bob, 'far') : says(ann, `${count}`), [last]);
    assert.equal(await at.receives(last), 'accepted');
    assert.equal((await at.state())['m.room.topic '], expected(at.others, [last])['m.room.topic ']);
    assert.equal((await bodies(at)).at(-1), '40');
    const gaps = await at.rooms.receiving.gaps(at.room, 10);
    // One behind the join, one behind the oldest event that was fetched.
    assert.equal(gaps.length, 2);
    const join = await at.rooms.events.byId(at.join);
    const { now } = at.rooms.stream;
    const first = await at.rooms.timeline.lastGap(at.room.nid, { after: join?.position ?? 0, upTo: now });
    const after = await at.rooms.timeline.latest(at.room.nid, { after: (first ?? now) - 1, upTo: now, limit: 100 });
    assert.equal(after.length, 21);
  });

  test('an event whose state nobody gives waits, and comes in when somebody does', async ({ database }) => {
    const at = await story(database);
    const lost = at.others.send(says(ann, 'lost'), [at.join]);
    const found = at.others.send(says(ann, 'found'), [lost]);
    at.others.hidden.add(lost);
    assert.match(await at.receives(found), /^waiting: the state before the event is not known/);
    at.others.hidden.delete(lost);
    assert.equal(await at.receives(found), 'accepted');
    assert.deepEqual(await bodies(at), ['lost', 'found']);
  });

  test('an event whose auth events its own server does not have is rejected after few questions', async ({ database }) => {
    const at = await story(database);
    const secret = at.others.forge(levels(bob, { [bob]: 100 }), [at.join]);
    const member = at.others.sent(at.join).before;
    const forged = at.others.forge(
      { ...says(bob, 'obey'), auth: [at.others.create, secret, ...[...member.values()].slice(0, 1)] },
      [at.join],
    );
    at.others.events.delete(secret);
    const before = at.others.requests.length;
    assert.match(await at.receives(forged, near), /^rejected: auth events are missing/);
    assert.ok(at.others.requests.length - before < 10);
    assert.equal(await at.receives(forged, near), 'known');
    assert.deepEqual(await bodies(at), []);
  });

  test('nobody keeps an event of another server out by holding back what it rests on', async ({ database }) => {
    const at = await story(database);
    const promoted = at.others.send(levels(ann, at.room.rules.privilegedCreators ? {} : { [ann]: 100, [bob]: 100 }), [at.join]);
    const renamed = at.others.send(topic(bob, 'mine'), [promoted]);
    at.others.unreachable.add('near.example');
    at.others.hidden.add(promoted);
    assert.match(await at.receives(renamed, 'm.example' as ServerName), /^waiting: auth events are missing/);
    at.others.unreachable.clear();
    at.others.hidden.clear();
    assert.equal(await at.receives(renamed, 'm.example' as ServerName), 'accepted');
  });

  test('a message that a banned user sends from before the ban is kept, and nobody sees it', async ({ database }) => {
    const at = await story(database);
    const { ban, late } = fork(at.others, at.join);
    assert.equal(await at.receives(ban), 'accepted');
    assert.match(await at.receives(late), /^soft-failed: /);
    assert.deepEqual(await bodies(at), []);
    assert.deepEqual(await at.extremities(), [ban]);
    const stored = await at.rooms.events.byId(late);
    assert.equal(stored?.verdict, 'soft-failed');
    // Somebody who had it before the ban follows both: that event is like any other.
    const both = at.others.send(says(bob, 'what a pity'), [ban, late]);
    assert.equal(await at.receives(both), 'accepted');
    assert.deepEqual(await at.extremities(), [both]);
    assert.deepEqual(await bodies(at), ['what a pity']);
  });

  test('what a policy server objects to is kept, and nobody sees it', async ({ database }) => {
    const at = await story(database);
    const asked: string[] = [];
    at.rooms.hooks.receive.push({
      name: 'policy',
      concerns: ({ type }) => type !== 'm.room.policy',
      judge({ type, content }) {
        asked.push(type);
        return Promise.resolve(content['body'] === 'spam' ? { objection: 'the policy server calls it spam' } : {});
      },
    });
    const spam = at.others.send(says(mallory, 'spam'), [at.join]);
    assert.equal(await at.receives(spam), 'soft-failed: the policy server calls it spam');
    const next = at.others.send(says(ann, 'hello'), [spam]);
    assert.equal(await at.receives(next), 'accepted');
    assert.deepEqual(await bodies(at), ['hello']);
    assert.deepEqual(await at.extremities(), [next]);
    // Nobody is asked about what the rules do not allow.
    assert.match(await at.receives(at.others.forge(topic(mallory, 'mine'), [next])), /^rejected/);
    assert.deepEqual(asked, ['m.room.message', 'm.room.message']);
  });

  test('what the room never allowed is rejected, with its reason; what follows it is judged by itself', async ({ database }) => {
    const at = await story(database);
    const forged = at.others.forge(topic(mallory, 'mine'), [at.join]);
    assert.match(await at.receives(forged), /^rejected: m\.room\.topic needs power level 50/);
    const stored = await at.rooms.events.byId(forged);
    assert.ok(stored);
    assert.match((await at.rooms.events.reasonOf(stored.nid)) ?? '', /power level/);
    const next = at.others.send(says(ann, 'nothing happened'), [forged]);
    assert.equal(await at.receives(next), 'accepted');
    assert.equal((await at.state())['m.room.topic '], undefined);
    assert.deepEqual(await at.extremities(), [next]);
  });

  test('an event that was known as background gets its place, under the same number', async ({ database }) => {
    const at = await story(database);
    let last = at.others.send(topic(bob, 'one'), [at.join]);
    const name = last;
    for (let count = 1; count <= 21; count++) last = at.others.send(says(ann, `${count}`), [last]);
    assert.equal(await at.receives(last), 'accepted');
    const outlier = await at.rooms.events.byId(name);
    assert.ok(outlier);
    assert.equal(outlier.position, undefined);
    assert.equal(await at.receives(name), 'accepted');
    const placed = await at.rooms.events.byId(name);
    assert.equal(placed?.nid, outlier.nid);
    assert.ok(placed?.position !== undefined && placed.position > outlier.nid);
    // Others have followed it long since.
    assert.deepEqual(await at.extremities(), [last]);
  });

  test('a redaction and its message come in any order', async ({ database }) => {
    const at = await story(database);
    const rude = at.others.send(says(mallory, 'rude'), [at.join]);
    const other = at.others.send(says(mallory, 'also rude'), [rude]);
    const gone = at.others.send({ type: 'm.room.redaction', sender: ann, redacts: rude }, [other]);
    const alsoGone = at.others.send({ type: 'm.room.redaction', sender: ann, redacts: other }, [rude]);
    assert.equal(await at.receives(rude), 'accepted');
    assert.equal(await at.receives(alsoGone), 'accepted');
    assert.equal(await at.receives(other), 'accepted');
    assert.equal(await at.receives(gone), 'accepted');
    for (const eventId of [rude, other]) {
      const event = await at.rooms.events.byId(eventId);
      assert.deepEqual(event?.content, {}, eventId);
    }
  });

  test('nobody redacts who may not, even from before the message', async ({ database }) => {
    const at = await story(database);
    const nice = at.others.send(says(ann, 'nice'), [at.join]);
    const gone = at.others.forge({ type: 'm.room.redaction', sender: mallory, redacts: nice }, [at.join]);
    await at.receives(gone);
    assert.equal(await at.receives(nice), 'accepted');
    assert.deepEqual(await bodies(at), ['nice']);
  });

  test('what is no event of the room is dropped at the door', async ({ database }) => {
    const at = await story(database);
    const hello = at.others.send(says(ann, 'hello'), [at.join]);
    const pdu = at.others.pdu(hello);
    const cases: [string, unknown, RegExp][] = [
      ['no object', 7, /object/],
      ['another room', at.others.tampered(hello, { room_id: '!elsewhere:far.example' as RoomId }), /another room/],
      ['no signature', { ...pdu, signatures: {} }, /not signed/],
      ['a forged signature', { ...pdu, depth: 99 }, /not signed/],
      ['too many prev_events', { ...pdu, prev_events: Array.from({ length: 21 }, (_, index) => `$${index}`) }, /more than 20/],
      ['a depth below zero', { ...pdu, depth: -1 }, /depth/],
      ['a type that is no text', at.others.tampered(hello, { type: 'a\0b' }), /U\+0000/],
    ];
    for (const [name, raw, reason] of cases) assert.match(await at.receives(raw), reason, name);
  });

  test('a message whose hash is wrong loses its content', async ({ database }) => {
    const at = await story(database);
    const hello = at.others.send(says(ann, 'hello'), [at.join]);
    const changed = { ...at.others.pdu(hello), content: { msgtype: 'm.text', body: 'goodbye' } };
    assert.equal(await at.receives(changed), 'accepted');
    const event = await at.rooms.events.byId(hello);
    assert.deepEqual(event?.content, {});
  });

  test('a depth out of all proportion hurts nobody', async ({ database }) => {
    const at = await story(database, '5');
    const deep = at.others.send({ ...says(ann, 'deep'), depth: 2 ** 62 }, [at.join]);
    assert.equal(await at.receives(JSON.stringify(at.others.pdu(deep))), 'accepted');
    const [sent] = await at.rooms.send(at.room, [{ type: 'm.room.message', sender: lea as never, content: { body: 'deeper' } }]);
    assert.equal(sent?.depth, Number.MAX_SAFE_INTEGER);
  });

  test('events that follow each other in a circle, or events of another room, do not come in', async ({ database }) => {
    const at = await story(database, '1');
    const first = at.others.forge(says(bob, 'chicken'), ['$e90:near.example' as EventId]);
    const second = at.others.forge(says(bob, 'egg'), [first]);
    const circle = at.others.tampered(first, {
      prev_events: [[second, { sha256: 'bm9uZQ' }]],
    });
    at.others.events.set(first, { ...at.others.sent(first), pdu: circle });
    const before = at.others.requests.length;
    assert.doesNotMatch(await at.receives(second), /^accepted/);
    assert.ok(at.others.requests.length - before < 60);
  });

  test('events of the same room follow one of another room in vain', async ({ database }) => {
    const at = await story(database, '10');
    const other = friendsElsewhere('12');
    const otherRoom = await enters(at.rooms, other.others, other.join);
    assert.notEqual(otherRoom.nid, at.room.nid);
    const crossing = at.others.forge(says(ann, 'crossing'), [at.join, other.join]);
    assert.match(await at.receives(crossing), /^rejected: the event follows .* of another room/);
  });

  test('Cora, whose server was away, and Bob rename the room at once; an answer joins the branches', async ({ database }) => {
    const at = await story(database);
    const byBob = at.others.send(topic(bob, 'bees'), [at.join]);
    const byCora = at.others.send(topic(cora, 'sea'), [at.join]);
    assert.equal(await at.receives(byBob), 'accepted');
    assert.equal(await at.receives(byCora), 'accepted');
    assert.deepEqual(await at.extremities(), [byBob, byCora].sort());
    assert.deepEqual(await at.state(), expected(at.others, [byBob, byCora]));
    const [answer] = await at.rooms.send(at.room, [
      { type: 'm.room.message', sender: lea as never, content: { msgtype: 'm.text', body: 'make up your minds' } },
    ]);
    assert.deepEqual(await at.extremities(), [answer?.eventId]);
    assert.deepEqual(await at.state(), expected(at.others, [byBob, byCora]));
  });

  test('of very many branches Lea joins twenty at a time; nothing that happened on the others is lost', async ({
    database,
    reopen,
  }) => {
    const at = await story(database);
    const branches = Array.from({ length: 30 }, (_, index) =>
      at.others.send(membership(`@guest${index}:s${index}.example`, 'join'), [at.join]),
    );
    for (const branch of branches) assert.equal(await at.receives(branch), 'accepted');
    assert.equal((await at.extremities()).length, 30);
    const sent = await at.rooms.send(at.room, [
      { type: 'm.room.message', sender: lea as never, content: { msgtype: 'm.text', body: 'one' } },
      { type: 'm.room.member', sender: lea as never, stateKey: lea, content: { membership: 'join', displayname: 'Lea' } },
      { type: 'm.room.message', sender: lea as never, content: { msgtype: 'm.text', body: 'two' } },
    ]);
    const pdus = await at.rooms.pdus.pdusOf(sent, at.room.rules);
    assert.deepEqual(
      pdus.map(({ prev_events: prev }) => prev.length),
      [20, 11, 1],
    );
    const state = await at.state();
    for (const branch of branches) assert.ok(Object.values(state).includes(branch));
    assert.equal(state[`m.room.member ${lea}`], sent[1]?.eventId);
    const rooms = await roomsOver(await reopen(), at.others);
    const again = storyIn(rooms, (await rooms.ids.find(at.room.roomId)) ?? at.room, at.others, at.join);
    assert.deepEqual(await again.state(), state);
    assert.deepEqual(await again.extremities(), [sent[2]?.eventId]);
  });

  test('branches without end are not all followed, and none with a state of its own is pushed out', async ({ database }) => {
    const at = await story(database);
    const ban = at.others.send(membership(mallory, 'ban', ann), [at.join]);
    assert.equal(await at.receives(ban), 'accepted');
    for (let count = 0; count < 110; count++) {
      assert.equal(await at.receives(at.others.send(says(bob, `${count}`), [at.join])), 'accepted');
    }
    const extremities = await at.extremities();
    assert.ok(extremities.length <= 100);
    assert.ok(extremities.includes(ban));
    assert.equal((await at.state())[`m.room.member ${mallory}`], ban);
  });
});
