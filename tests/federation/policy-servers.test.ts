import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventIdOf, hashAndSignPdu, signPdu, type Pdu } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';
import { policyKeyId } from '@myelin/protocol/policy-servers';
import { generateSigningKey, type SigningKey } from '@myelin/protocol/signatures';
import { longTimelines, type HttpAnswer } from '@myelin/testing';
import { postgresDatabases, sqliteDatabases } from '@myelin/testing/databases';
import { FakeServer } from '@myelin/testing/federation';

import { Stage, type HostileRoom } from './hostile/hostile-room.ts';
import { hive, mallory, stranger } from './stranger.ts';

const signPath = '/_matrix/policy/v1/sign';
const enc = encodeURIComponent;

/** A policy server that signs what is no spam, unless told otherwise, and remembers what it was asked about. */
class Owl {
  readonly fake: FakeServer;
  readonly asked: Pdu[] = [];
  key: SigningKey = generateSigningKey(Buffer.alloc(32, 3), 'policy_server');
  /** What it says of an event; its signature where this is undefined. */
  answer: (pdu: Pdu) => unknown = ({ content }) =>
    content['body'] === 'spam' ? { status: 400, errcode: 'M_FORBIDDEN', error: 'The owl calls it spam' } : undefined;

  constructor(fake: FakeServer, at: HostileRoom) {
    this.fake = fake;
    fake.answers.set(signPath, async (_, pdu: Pdu) => {
      this.asked.push(pdu);
      return (await this.answer(pdu)) ?? signPdu({ ...pdu, signatures: {} }, fake.name, this.key, at.rules).signatures;
    });
    fake.answersUnder.set('/_matrix/federation/v1/send/', () => ({ pdus: {} }));
  }

  get user(): UserId {
    return `@owl:${this.fake.name}` as UserId;
  }

  /** What Alice writes into `m.room.policy`. */
  get policy(): object {
    return { via: this.fake.name, public_keys: { ed25519: this.key.publicKey } };
  }

  askedAbout(type: string): number {
    return this.asked.filter((pdu) => pdu.type === type).length;
  }
}

for (const databases of [sqliteDatabases, postgresDatabases()]) {
  if (!databases) continue;
  describe(`rooms with a policy server (${databases.label})`, () => {
    let opened: Stage | undefined;
    const owls: Owl[] = [];
    before(async () => {
      opened = await Stage.open({ databases });
    });
    after(async () => {
      for (const { fake } of owls) await fake.stop();
      await opened?.close();
    });
    const stage = (): Stage => {
      assert.ok(opened);
      return opened;
    };

    /** A room of Alice's with Mallory and the owl in it, whom the room asks. */
    const roomWithOwl = async (version = '10'): Promise<{ at: HostileRoom; owl: Owl }> => {
      const at = await stage().room(version);
      const owl = new Owl(await FakeServer.start(`owl${owls.length}.example`, stage().federation), at);
      owls.push(owl);
      await stage().joins(at.roomId, owl.user, at.rules, owl.fake);
      await at.alice.setsState(at.roomId, 'm.room.policy', owl.policy);
      return { at, owl };
    };
    const says = ({ alice, roomId }: HostileRoom, body: string, txn = body): Promise<HttpAnswer> =>
      alice.request('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${enc(txn)}`, { body: { msgtype: 'm.text', body } });
    const isRefused = ({ status, body }: HttpAnswer, ...expected: [status: number, errcode: string, error?: string]): void => {
      const told = [status, body?.errcode, body?.error].slice(0, expected.length);
      assert.deepEqual(told, expected, JSON.stringify(body));
    };
    const isSent = ({ status, body }: HttpAnswer): string => {
      assert.equal(status, 200, JSON.stringify(body));
      return body.event_id;
    };
    /** The event as other servers get it. */
    const asServersHaveIt = async (eventId: string): Promise<Pdu> => {
      const { status, body } = await stage().asks('GET', `/_matrix/federation/v1/event/${enc(eventId)}`);
      assert.equal(status, 200, JSON.stringify(body));
      return body.pdus[0];
    };
    const policySignature = (owl: Owl, { signatures }: Pdu): string | undefined => signatures[owl.fake.name]?.[policyKeyId];
    const bodiesOf = async ({ alice, roomId }: HostileRoom): Promise<unknown[]> => {
      const { chunk } = await alice.get(`/rooms/${enc(roomId)}/messages`, { dir: 'b', limit: 50 });
      return chunk.filter(({ type }: any) => type === 'm.room.message').map(({ content }: any) => content.body);
    };

    for (const version of ['1', '10', '12']) {
      test(`what Alice sends has the owl’s signature, and what the owl refuses is not sent (version ${version})`, async () => {
        const { at, owl } = await roomWithOwl(version);
        assert.equal(owl.asked.length, 0, 'nobody is asked about the event that names the owl');
        const hello = isSent(await says(at, 'hello'));
        const pdu = await asServersHaveIt(hello);
        assert.ok(policySignature(owl, pdu));
        assert.deepEqual(
          owl.asked.map((asked) => eventIdOf(asked, at.rules)),
          [hello],
        );
        assert.ok(pdu.signatures[hive]);
        const topic = await at.alice.setsState(at.roomId, 'm.room.topic', { topic: 'owls' });
        assert.ok(policySignature(owl, await asServersHaveIt(topic)));
        await at.alice.put(`/rooms/${enc(at.roomId)}/redact/${enc(hello)}/r1`, {});
        assert.equal(owl.askedAbout('m.room.redaction'), 1);

        isRefused(await says(at, 'spam'), 400, 'M_FORBIDDEN', 'The owl calls it spam');
        assert.deepEqual(await bodiesOf(at), [undefined]);
        // The same transaction may succeed later.
        owl.answer = () => undefined;
        isSent(await says(at, 'spam'));
        assert.deepEqual(await bodiesOf(at), ['spam', undefined]);
        // Its own event may go into the room whatever the owl says.
        owl.answer = () => ({ status: 400, errcode: 'M_FORBIDDEN', error: 'no' });
        await at.alice.setsState(at.roomId, 'm.room.policy', {});
        isSent(await says(at, 'free'));
      });
    }

    test('no error of the owl’s ends Alice’s session, and hers are told as they are', async () => {
      const { at, owl } = await roomWithOwl();
      owl.answer = () => ({ status: 401, errcode: 'M_UNKNOWN_TOKEN', error: 'Who are you?', soft_logout: false });
      isRefused(await says(at, 'one'), 403, 'M_FORBIDDEN', 'Who are you?');
      owl.answer = () => ({ status: 404, errcode: 'M_NOT_FOUND', error: 'Unknown room' });
      isRefused(await says(at, 'two'), 404, 'M_NOT_FOUND', 'Unknown room');
      owl.answer = () => ({ status: 404, errcode: 'M_UNRECOGNIZED', error: 'No such endpoint' });
      isRefused(await says(at, 'three'), 403, 'M_FORBIDDEN', 'No such endpoint');
      owl.answer = () => ({ status: 429, errcode: 'M_LIMIT_EXCEEDED', error: 'Slowly!', retry_after_ms: 40 });
      const slowly = await says(at, 'four');
      isRefused(slowly, 429, 'M_LIMIT_EXCEEDED', 'Slowly!');
      assert.equal(slowly.body.retry_after_ms, 40);
      owl.answer = () => ({ 'owl.example': 7 });
      isRefused(await says(at, 'five'), 502, 'M_UNKNOWN');
      owl.answer = () => ({ status: 500, errcode: 'M_UNKNOWN', error: 'It broke' });
      isRefused(await says(at, 'six'), 502, 'M_UNKNOWN');
      assert.deepEqual(await bodiesOf(at), []);
    });

    test('while the owl is slow, what others say comes in, and what is signed then stands beside it', async () => {
      const { at, owl } = await roomWithOwl();
      const thinking = Promise.withResolvers<undefined>();
      const isAsked = Promise.withResolvers<void>();
      owl.answer = ({ content }) => {
        if (content['body'] !== 'slow') return undefined;
        isAsked.resolve();
        return thinking.promise;
      };
      const slow = says(at, 'slow');
      await isAsked.promise;
      const quick = at.message('quick');
      await stage().sends({ pdus: [quick.pdu] });
      await at.settles();
      assert.deepEqual(await bodiesOf(at), ['quick']);
      thinking.resolve(undefined);
      const sent = isSent(await slow);
      assert.deepEqual(new Set(await bodiesOf(at)), new Set(['quick', 'slow']));
      assert.ok(policySignature(owl, await asServersHaveIt(sent)));
      const { prev_events: follows } = await asServersHaveIt(isSent(await says(at, 'last')));
      assert.ok((follows as string[]).includes(sent) && (follows as string[]).includes(quick.eventId));
    });

    test('an owl that is gone lets nobody speak, which everyone hears at once; without it they speak again', async () => {
      const { at, owl } = await roomWithOwl();
      await owl.fake.site.close();
      isRefused(await says(at, 'one'), 502, 'M_UNKNOWN');
      isRefused(await says(at, 'two'), 502, 'M_UNKNOWN');
      const lost = at.message('lost');
      await stage().sends({ pdus: [lost.pdu] });
      await at.alice.setsState(at.roomId, 'm.room.policy', {});
      isSent(await says(at, 'three'));
      const heard = at.message('heard');
      await stage().sends({ pdus: [heard.pdu] });
      await at.settles();
      assert.deepEqual(new Set(await bodiesOf(at)), new Set(['three', 'heard']));
      assert.equal((await at.whatClientsSee(lost.eventId)).event, undefined);
    });

    test('what Mallory brings with the signature is seen; without it the owl is asked, and what it refuses nobody sees', async () => {
      const { at, owl } = await roomWithOwl();
      const unsigned = at.message('unsigned');
      const spam = at.message('spam');
      const signed = at.message('signed');
      const pdu = signPdu(signed.pdu, owl.fake.name, owl.key, at.rules);
      await stage().sends({ pdus: [unsigned.pdu, spam.pdu, pdu] });
      await at.settles();
      assert.deepEqual(
        owl.asked.filter(({ type }) => type === 'm.room.message').map(({ content }) => content['body']),
        ['unsigned', 'spam'],
      );
      assert.ok((await at.whatClientsSee(unsigned.eventId)).inTimeline);
      assert.ok((await at.whatClientsSee(signed.eventId)).inTimeline);
      const { event, inTimeline } = await at.whatClientsSee(spam.eventId);
      assert.deepEqual([event, inTimeline], [undefined, false]);
      // Others who ask for it need not ask the owl again.
      assert.ok(policySignature(owl, await asServersHaveIt(unsigned.eventId)));
      assert.deepEqual((await asServersHaveIt(unsigned.eventId)).signatures[stranger], unsigned.pdu.signatures[stranger]);
      // Nor is it asked about what the rules do not allow.
      const topic = at.event({ type: 'm.room.topic', stateKey: '', content: { topic: 'mine' } });
      await stage().sends({ pdus: [topic.pdu] });
      await at.settles();
      assert.equal(owl.askedAbout('m.room.topic'), 0);
      assert.deepEqual(new Set(await bodiesOf(at)), new Set(['unsigned', 'signed']));
    });

    test('with a key that is not the room’s the owl’s word counts for nothing, until the room has its key', async () => {
      const { at, owl } = await roomWithOwl();
      const { policy: oldPolicy, key: oldKey } = owl;
      const before = at.message('signed with the key of then');
      const signedBefore = signPdu(before.pdu, owl.fake.name, oldKey, at.rules);
      owl.key = generateSigningKey(Buffer.alloc(32, 4), 'policy_server');
      isRefused(await says(at, 'one'), 403, 'M_FORBIDDEN');
      const lost = at.message('lost');
      await stage().sends({ pdus: [lost.pdu] });
      await at.alice.setsState(at.roomId, 'm.room.policy', owl.policy);
      isSent(await says(at, 'two'));
      // The key has changed between the signature and now: the owl is asked for another.
      await stage().sends({ pdus: [signedBefore] });
      await at.settles();
      const { signatures } = await asServersHaveIt(before.eventId);
      assert.notEqual(signatures[owl.fake.name]?.[policyKeyId], signedBefore.signatures[owl.fake.name]?.[policyKeyId]);
      assert.deepEqual(new Set(await bodiesOf(at)), new Set(['two', 'signed with the key of then']));
      await at.alice.setsState(at.roomId, 'm.room.policy', oldPolicy);
      isRefused(await says(at, 'three'), 403, 'M_FORBIDDEN');
    });

    test('what the owl was thinking about when Alice’s server stopped is asked about again, and lost to nobody', async () => {
      const { at, owl } = await roomWithOwl();
      const isAsked = Promise.withResolvers<void>();
      const thinking = Promise.withResolvers<undefined>();
      owl.answer = () => {
        isAsked.resolve();
        return thinking.promise;
      };
      const hello = at.message('hello');
      await stage().sends({ pdus: [hello.pdu] });
      await isAsked.promise;
      await stage().home.restart(() => {
        owl.answer = () => undefined;
        return Promise.resolve();
      });
      thinking.resolve(undefined);
      await at.settles();
      assert.ok(policySignature(owl, await asServersHaveIt(hello.eventId)));
      assert.deepEqual(await bodiesOf(at), ['hello']);
    });

    test('an owl that is not in the room has no say in it, nor one that has left', async () => {
      const { at, owl } = await roomWithOwl();
      const elsewhere = await at.alice.createsRoom();
      await at.alice.setsState(elsewhere, 'm.room.policy', owl.policy);
      await at.alice.says('nobody listens', elsewhere);
      assert.equal(owl.asked.length, 0);
      isSent(await says(at, 'one'));
      await at.alice.post(`/rooms/${enc(at.roomId)}/kick`, { user_id: owl.user });
      const asked = owl.asked.length;
      isSent(await says(at, 'two'));
      await stage().sends({ pdus: [at.message('three').pdu] });
      await at.settles();
      assert.deepEqual(new Set(await bodiesOf(at)), new Set(['one', 'two', 'three']));
      assert.equal(owl.asked.length, asked);
    });

    test('the owl is asked about those who come in, who are let in, and who join by Alice’s server', async () => {
      const { at, owl } = await roomWithOwl();
      const ned = `@ned:${stranger}` as UserId;
      stage().stranger.answersUnder.set('/_matrix/federation/v2/invite/', (_, { event }) => {
        assert.ok(policySignature(owl, event), 'the invite is signed before it leaves');
        const { name, signingKey } = stage().stranger;
        return { event: signPdu(event, name, signingKey, at.rules) };
      });
      await at.alice.post(`/rooms/${enc(at.roomId)}/invite`, { user_id: ned });
      assert.equal(owl.askedAbout('m.room.member'), 1);
      const bob = await stage().home.person('bob');
      await bob.joins(at.roomId);
      assert.equal(owl.askedAbout('m.room.member'), 2);

      owl.answer = ({ type }) =>
        type === 'm.room.member' ? { status: 400, errcode: 'M_FORBIDDEN', error: 'No more' } : undefined;
      const carol = await stage().home.person('carol');
      isRefused(await carol.request('POST', `/join/${enc(at.roomId)}`, { body: {} }), 400, 'M_FORBIDDEN', 'No more');
      const path = `${enc(at.roomId)}/${enc(ned)}?ver=${at.rules.id}`;
      const { body: template } = await stage().asks('GET', `/_matrix/federation/v1/make_join/${path}`);
      const join = hashAndSignPdu(template.event, stage().stranger.name, stage().stranger.signingKey, at.rules);
      const uri = `/_matrix/federation/v2/send_join/${enc(at.roomId)}/${enc(eventIdOf(join, at.rules))}`;
      isRefused(await stage().asks('PUT', uri, join), 403, 'M_FORBIDDEN', 'the policy server has not signed it: No more');
      owl.answer = () => undefined;
      const { join: later } = await stage().joins(at.roomId, ned, at.rules);
      assert.ok(policySignature(owl, await asServersHaveIt(eventIdOf(later, at.rules))));
      const { joined } = await at.alice.get(`/rooms/${enc(at.roomId)}/joined_members`);
      assert.deepEqual(Object.keys(joined).sort(), [at.alice.userId, bob.userId, mallory, ned, owl.user].sort());
      await at.alice.syncsUntil(({ rooms }) => rooms?.join?.[at.roomId], longTimelines);
    });
  });
}
