import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { MatrixError } from '@myelin/protocol/errors';
import { buildPdu, hashAndSignPdu, signPdu, type Pdu } from '@myelin/protocol/events';
import type { RoomId, ServerName, UserId } from '@myelin/protocol/identifiers';
import { isSignedByPolicyServer, type PolicyServer } from '@myelin/protocol/policy-servers';
import { roomVersionRules, type RoomVersionRules } from '@myelin/protocol/room-versions';
import { generateSigningKey } from '@myelin/protocol/signatures';

import { createTestClock, type TestClock } from '../../platform/clock.ts';
import { RemoteError, type RemoteServers } from '../../remote-servers/index.ts';
import { PolicyServerAsking } from './ask-policy-server.ts';

const via = 'owl.example' as ServerName;
const key = generateSigningKey(Buffer.alloc(32, 7), 'policy_server');
const owl: PolicyServer = { via, publicKey: key.publicKey };
const rules = roomVersionRules('12') as RoomVersionRules;
const hello = hashAndSignPdu(
  buildPdu(
    {
      type: 'm.room.message',
      sender: '@alice:hive.example' as UserId,
      roomId: '!kitchen' as RoomId,
      stateKey: undefined,
      content: { body: 'hello' },
      prevEvents: [],
      authEvents: [],
      depth: 7,
      originServerTs: 1,
    },
    rules,
  ),
  'hive.example' as ServerName,
  generateSigningKey(Buffer.alloc(32, 1)),
  rules,
);
const timedOut = new RemoteError('timed-out', 'it took too long');

/** A policy server whose answers wait until the test gives them. */
class SlowOwl {
  readonly clock: TestClock = createTestClock();
  readonly open: PromiseWithResolvers<unknown>[] = [];
  readonly asking: PolicyServerAsking;
  asked = 0;

  constructor() {
    const request = (): Promise<unknown> => {
      const answer = Promise.withResolvers<unknown>();
      this.asked += 1;
      this.open.push(answer);
      return answer.promise;
    };
    this.asking = new PolicyServerAsking({
      clock: this.clock,
      remoteServers: { request: request as RemoteServers['request'] },
    });
  }

  /** Alice wants to send something; how it went. */
  wants(options: { isPatient?: boolean } = {}): Promise<string> {
    return this.asking.sign(owl, hello, rules, options).then(
      (pdu) => (isSignedByPolicyServer(pdu, owl, rules) ? 'signed' : 'not signed'),
      (error: unknown) => (error instanceof MatrixError ? `${error.status} ${error.errcode}` : (error as Error).message),
    );
  }

  async signs(pdu: Pdu = hello): Promise<void> {
    await this.heard();
    this.open.shift()?.resolve(signPdu({ ...pdu, signatures: {} }, via, key, rules).signatures);
    await this.heard();
  }

  async fails(error: RemoteError = timedOut): Promise<void> {
    await this.heard();
    this.open.shift()?.reject(error);
    await this.heard();
  }

  /** Lets everybody hear what was said. */
  async heard(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

suite('asking a policy server', () => {
  test('so many questions at a time; the others wait for one that is answered, and too many are turned away', async () => {
    const slow = new SlowOwl();
    const wishes = Array.from({ length: 120 }, () => slow.wants());
    await slow.heard();
    assert.equal(slow.asked, 20);
    assert.equal(await slow.wants(), '429 M_LIMIT_EXCEEDED');
    await slow.signs();
    assert.equal(slow.asked, 21);
    while (slow.open.length > 0) {
      await slow.signs();
    }
    assert.deepEqual(new Set(await Promise.all(wishes)), new Set(['signed']));
    assert.equal(slow.asked, 120);
  });

  test('one that did not answer rests, and whoever wants something meanwhile hears it at once', async () => {
    const slow = new SlowOwl();
    const wishes = Array.from({ length: 30 }, () => slow.wants());
    await slow.fails();
    // Those who waited hear it without a question.
    assert.equal(slow.asked, 20);
    assert.equal(await slow.wants(), '502 M_UNKNOWN');
    while (slow.open.length > 0) await slow.signs();
    const outcomes = await Promise.all(wishes);
    assert.equal(outcomes.filter((outcome) => outcome === 'signed').length, 19);
    assert.equal(outcomes.filter((outcome) => outcome === '502 M_UNKNOWN').length, 11);
    slow.clock.advance(15_000);
    const again = slow.wants();
    await slow.signs();
    assert.equal(await again, 'signed');
    assert.equal(slow.asked, 21);
  });

  test('who has time waits when the owl wants a short pause, and gives up when it wants a long one', async () => {
    const slow = new SlowOwl();
    const slowly = (retryAfterMs: number): RemoteError =>
      new RemoteError('refused', 'slowly', { status: 429, errcode: 'M_LIMIT_EXCEEDED', retryAfterMs });
    const hasted = slow.wants();
    await slow.fails(slowly(100));
    assert.equal(await hasted, '429 M_LIMIT_EXCEEDED');
    const waits = slow.wants({ isPatient: true });
    await slow.fails(slowly(100));
    slow.clock.advance(100);
    await slow.heard();
    await slow.signs();
    assert.equal(await waits, 'signed');
    const givesUp = slow.wants({ isPatient: true });
    await slow.fails(slowly(3600_000));
    assert.equal(await givesUp, '429 M_LIMIT_EXCEEDED');
  });

  test('a connection that breaks at once is no sign that the owl is gone; a second one is', async () => {
    const slow = new SlowOwl();
    const broken = new RemoteError('unreachable', 'the connection was closed');
    const wish = slow.wants();
    await slow.fails(broken);
    await slow.signs();
    assert.equal(await wish, 'signed');
    const gone = slow.wants();
    await slow.fails(broken);
    await slow.fails(broken);
    assert.equal(await gone, '502 M_UNKNOWN');
    assert.equal(slow.asked, 4);
  });

  test('what fails because this server stops is nobody’s refusal', async () => {
    const slow = new SlowOwl();
    const wish = slow.wants();
    slow.asking.stop();
    await slow.fails(new RemoteError('cancelled', 'the server stops'));
    assert.equal(await wish, 'this server stopped before owl.example had answered');
  });
});
