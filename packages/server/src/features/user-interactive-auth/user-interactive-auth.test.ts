import assert from 'node:assert/strict';

import { forbidden } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';
import { forEachDatabase } from '@myelin/testing/databases';

import { createTestClock } from '../../platform/clock.ts';
import { type Database, sql } from '../../platform/database/index.ts';
import type { UserRequester } from '../../platform/http/index.ts';
import { systemRandom } from '../../platform/random.ts';
import { dummyStage, type JsonObject, openUserInteractiveAuth, type Stage, userInteractiveAuthFeature } from './index.ts';

const alice: UserRequester = {
  kind: 'user',
  userId: '@alice:hive.example' as UserId,
  userNid: 7,
  isGuest: false,
  isAdmin: false,
  tokenId: 'session of Alice',
  locked: false,
  suspended: false,
  shadowBanned: false,
};
const riddle: Stage = {
  type: 'org.example.riddle',
  params: { question: 'What is it?' },
  check: async ({ auth }) => {
    if (auth['answer'] !== 'a homeserver') throw forbidden('Wrong');
    return 'solved';
  },
};
const request = { method: 'POST', url: '/_matrix/client/v3/open?sesame=1', ip: '192.0.2.1' };

function open(database: Database) {
  const clock = createTestClock();
  const earlierProofs = { lastProvedTs: async () => undefined, proved: async () => undefined };
  const uia = openUserInteractiveAuth({ database, clock, random: systemRandom, reuseMs: 0, earlierProofs });
  const ask = (body: JsonObject, flows: readonly (readonly Stage[])[] = [[dummyStage, riddle]], path = request.url) =>
    uia.prove({ request: { ...request, url: path }, body, requester: alice, flows });
  return { clock, ask };
}

type Outcome = Awaited<ReturnType<ReturnType<typeof open>['ask']>>;

function challengeOf(outcome: Outcome) {
  assert.ok(!outcome.done);
  assert.equal(outcome.answer.status, 401);
  return outcome.answer.body as JsonObject & { session: string; completed: string[]; errcode?: string };
}

const door = { door: 'the red one' };
const answer = 'a homeserver';

forEachDatabase('user-interactive authentication', ({ test }) => {
  test('Alice goes through the stages in order, across a restart', async ({ database, reopen }) => {
    const { ask } = open(database);
    const first = challengeOf(await ask(door));
    assert.deepEqual(first['flows'], [{ stages: ['m.login.dummy', 'org.example.riddle'] }]);
    assert.deepEqual(first['params'], { 'org.example.riddle': { question: 'What is it?' } });
    const { session } = first;
    const early = challengeOf(await ask({ ...door, auth: { type: riddle.type, answer, session } }));
    assert.deepEqual([early.errcode, early.completed], ['M_FORBIDDEN', []]);
    const half = challengeOf(await ask({ ...door, auth: { type: 'm.login.dummy', session } }));
    assert.deepEqual(half.completed, ['m.login.dummy']);

    const later = open(await reopen());
    const wrong = challengeOf(await later.ask({ ...door, auth: { type: riddle.type, answer: 'a cat', session } }));
    assert.deepEqual([wrong.errcode, wrong.completed], ['M_FORBIDDEN', ['m.login.dummy']]);
    const retried = challengeOf(await later.ask({ ...door, auth: { type: 'm.login.dummy', session } }));
    assert.deepEqual(retried.completed, ['m.login.dummy']);
    const done = await later.ask({ auth: { type: riddle.type, answer, session } });
    assert.ok(done.done);
    assert.deepEqual(done.body, door, 'what was asked at first');
    assert.equal(done.completed[riddle.type], 'solved');
    await done.claim();
    await assert.rejects(done.claim(), { status: 400 });
    await assert.rejects(later.ask({ auth: { session } }), { status: 400 });
  });

  test('a session serves for what it was begun for, and nobody else', async ({ database }) => {
    const { ask } = open(database);
    const { session } = challengeOf(await ask(door));
    const auth = { type: 'm.login.dummy', session };
    await assert.rejects(ask({ door: 'the blue one', auth }), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(ask({ ...door, auth }, undefined, '/_matrix/client/v3/close'), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(ask({ ...door, auth: { ...auth, session: 'made up' } }), { status: 400 });
    assert.deepEqual(challengeOf(await ask({ ...door, auth }, undefined, '/_matrix/client/v3/open')).completed, [
      'm.login.dummy',
    ]);
  });

  test('any of several flows will do, without a session where one request says it all', async ({ database }) => {
    const { ask } = open(database);
    const done = await ask({ ...door, auth: { type: riddle.type, answer } }, [[dummyStage], [riddle]]);
    assert.ok(done.done);
    await done.claim();
    assert.equal((await database.all(sql`SELECT 1 FROM ui_auth_sessions`)).length, 0);
    const odd = challengeOf(await ask({ auth: { type: 'org.example.dance' } }, [[dummyStage]]));
    assert.equal(odd.errcode, 'M_UNKNOWN');
  });

  test('who reads the database finds neither session nor body', async ({ database }) => {
    const { ask } = open(database);
    const { session } = challengeOf(await ask({ new_password: 'very secret' }));
    const [row] = await database.all(sql<{ sealed_body: Uint8Array; session_hash: Uint8Array }>`SELECT * FROM ui_auth_sessions`);
    assert.ok(row);
    assert.ok(!Buffer.from(row.sealed_body).includes('very secret'));
    assert.ok(!Buffer.from(row.session_hash).includes(session));
  });

  test('a session ends after two days, and gives back what it set aside', async ({ database }) => {
    const { ask, clock } = open(database);
    const released: unknown[] = [];
    const seat: Stage = {
      type: 'org.example.seat',
      check: async () => 'seat 12',
      release: async (result) => void released.push(result),
    };
    const { session } = challengeOf(await ask({ auth: { type: seat.type } }, [[seat, riddle]]));
    const { jobs = [] } = userInteractiveAuthFeature({ database, clock, names: undefined as never, stages: [seat, riddle] });
    const cleanUp = async () => {
      for (const job of jobs) await job.run();
    };
    clock.advance(47 * 3600 * 1000);
    await cleanUp();
    assert.deepEqual(released, []);
    clock.advance(3600 * 1000);
    await assert.rejects(ask({ auth: { session } }, [[seat, riddle]]), { status: 400 });
    await cleanUp();
    await cleanUp();
    assert.deepEqual(released, ['seat 12']);
  });
});
