import assert from 'node:assert/strict';

import { MatrixError } from '@myelin/protocol/errors';
import type { Pdu } from '@myelin/protocol/events';
import type { EventId, UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import type { StoredEvent } from '../events/stored-event.ts';
import { membership, says, topic } from '../receive/other-servers.fixture.ts';
import { ann, bob, bodies, lea, roomsOver, story, storyIn, type RoomStory } from '../receive/room-story.fixture.ts';

const message = (body: string) => ({
  type: 'm.room.message',
  sender: lea as UserId,
  content: { msgtype: 'm.text', body },
});

/** Somebody who signs what the test says, when it says so; topics he does not care for. */
function isSignedBy(at: RoomStory, answer: (pdu: Pdu) => Promise<string>): void {
  at.rooms.hooks.cosign.push({
    name: 'the owl',
    isNeeded: ({ type }) => type !== 'm.room.topic',
    async cosign(pdu) {
      const signature = await answer(pdu);
      return { ...pdu, signatures: { ...pdu.signatures, 'owl.example': { 'ed25519:owl': signature } } };
    },
  });
}

const signature = 'A'.repeat(86);

async function pduOf(at: RoomStory, event: StoredEvent | undefined): Promise<Pdu> {
  assert.ok(event);
  const [pdu] = await at.rooms.pdus.pdusOf([event], at.room.rules);
  assert.ok(pdu);
  return pdu;
}

forEachDatabase('events that others sign before the room has them', ({ test }) => {
  for (const version of ['1', '6', '12']) {
    test(`Lea's message waits for the owl, and has its signature ever after (version ${version})`, async ({
      database,
      reopen,
    }) => {
      const at = await story(database, version);
      const asked: unknown[] = [];
      isSignedBy(at, (pdu) => {
        asked.push(pdu.content['body']);
        return Promise.resolve(signature);
      });
      const alongside: string[] = [];
      const [sent] = await at.rooms.send(at.room, [message('hello')], {
        alongside: (_, events) => void alongside.push(...events.map(({ eventId }) => eventId)),
      });
      assert.ok(sent);
      assert.deepEqual(alongside, [sent.eventId]);
      await at.rooms.send(at.room, [message('one'), message('two')]);
      assert.deepEqual(asked, ['hello', 'one', 'two']);
      assert.deepEqual(await bodies(at), ['hello', 'one', 'two']);
      assert.equal((await at.extremities()).length, 1);

      const rooms = await roomsOver(await reopen(), at.others);
      const again = storyIn(rooms, at.room, at.others, at.join);
      const { signatures } = await pduOf(again, await rooms.events.byId(sent.eventId));
      assert.deepEqual(Object.keys(signatures).sort(), ['hive.example', 'owl.example']);
      assert.deepEqual(signatures['owl.example'], { 'ed25519:owl': signature });
    });
  }

  test('what the owl does not sign is not sent, and the client hears what the owl says', async ({ database }) => {
    const at = await story(database);
    isSignedBy(at, () => Promise.reject(new MatrixError('M_FORBIDDEN', 'the owl calls it spam', { status: 400 })));
    const before = await at.extremities();
    await assert.rejects(at.rooms.send(at.room, [message('spam')]), { message: 'the owl calls it spam', status: 400 });
    assert.deepEqual(await at.extremities(), before);
    assert.deepEqual(await bodies(at), []);
    // Nobody is asked about a topic; but Lea has no power to change it.
    await assert.rejects(at.rooms.send(at.room, [{ ...message('x'), type: 'm.room.topic', stateKey: '' }]), /power/);
  });

  test('what its signature makes too large for other servers is not sent', async ({ database }) => {
    const at = await story(database);
    isSignedBy(at, () => Promise.resolve(signature));
    await assert.rejects(at.rooms.send(at.room, [message('x'.repeat(64_920))]), { errcode: 'M_TOO_LARGE' });
    await at.rooms.send(at.room, [message('x'.repeat(64_000))]);
    at.rooms.hooks.cosign.length = 0;
    await at.rooms.send(at.room, [message('x'.repeat(64_920))]);
  });

  test('while the owl thinks the room goes on: what was signed meanwhile stands beside what came, and the next follows both', async ({
    database,
  }) => {
    const at = await story(database);
    const thinking = Promise.withResolvers<string>();
    const isAsked = Promise.withResolvers<void>();
    isSignedBy(at, (pdu) => {
      if (pdu.content['body'] !== 'slow') return Promise.resolve(signature);
      isAsked.resolve();
      return thinking.promise;
    });
    const slow = at.rooms.send(at.room, [message('slow')]);
    await isAsked.promise;
    const hello = at.others.send(says(ann, 'hello'), [at.join]);
    assert.equal(await at.receives(hello), 'accepted');
    const name = at.others.send(topic(bob, 'owls'), [hello]);
    assert.equal(await at.receives(name), 'accepted');
    const [quick] = await at.rooms.send(at.room, [message('quick')]);
    thinking.resolve(signature);
    const [sent] = await slow;
    assert.deepEqual((await pduOf(at, sent)).prev_events, [at.join]);
    assert.deepEqual(new Set(await at.extremities()), new Set([quick?.eventId, sent?.eventId]));
    const [last] = await at.rooms.send(at.room, [message('last')]);
    assert.deepEqual(await at.extremities(), [last?.eventId as EventId]);
    // It was said before the quick one.
    assert.deepEqual(await bodies(at), ['hello', 'slow', 'quick', 'last']);
    assert.equal((await at.state())['m.room.topic '], name);
  });

  test('a hundred at once are not a hundred branches', async ({ database }) => {
    const at = await story(database);
    let most = 0;
    const thinking: PromiseWithResolvers<string>[] = [];
    isSignedBy(at, async () => {
      const answer = Promise.withResolvers<string>();
      most = Math.max(most, thinking.push(answer));
      // What is asked for in the same moment is answered together.
      setImmediate(() => thinking.shift()?.resolve(signature));
      return answer.promise;
    });
    const sent = await Promise.allSettled(
      Array.from({ length: 120 }, (_, index) => at.rooms.send(at.room, [message(`${index}`)])),
    );
    const refused = sent.filter((outcome) => outcome.status === 'rejected');
    assert.deepEqual(new Set(refused.map(({ reason }) => (reason as MatrixError).errcode)), new Set(['M_LIMIT_EXCEEDED']));
    assert.equal(refused.length, 10);
    assert.ok(most <= 10 && most > 1, `${most}`);
    assert.ok((await at.extremities()).length <= 10);
    const [last] = await at.rooms.send(at.room, [message('last')]);
    assert.deepEqual(await at.extremities(), [last?.eventId as EventId]);
  });

  test('who was thrown out while the owl was thinking has said nothing', async ({ database }) => {
    const at = await story(database);
    let kick: EventId | undefined;
    isSignedBy(at, async () => {
      kick = at.others.send(membership(lea, 'leave', ann), [at.join]);
      assert.equal(await at.receives(kick), 'accepted');
      return signature;
    });
    await assert.rejects(at.rooms.send(at.room, [message('I am still here')]), { errcode: 'M_FORBIDDEN' });
    assert.deepEqual(await bodies(at), []);
    assert.deepEqual(await at.extremities(), [kick]);
  });

  test('a state event that came into force while the owl was thinking is not sent twice', async ({ database }) => {
    const at = await story(database);
    isSignedBy(at, () => Promise.resolve(signature));
    const name = { ...message(''), type: 'm.room.member', stateKey: lea, content: { membership: 'join', displayname: 'Lea' } };
    const sent = await Promise.all([at.rooms.send(at.room, [name]), at.rooms.send(at.room, [name])]);
    assert.equal(sent[0][0]?.eventId, sent[1][0]?.eventId);
    assert.deepEqual(await at.extremities(), [sent[0][0]?.eventId]);
  });
});
