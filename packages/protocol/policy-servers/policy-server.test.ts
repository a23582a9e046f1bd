import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buildPdu, eventIdOf, hashAndSignPdu, redactPdu, signPdu, type JsonObject, type Pdu } from '../events/index.ts';
import type { EventId, RoomId, ServerName, UserId } from '../identifiers/index.ts';
import { knownRoomVersions, type RoomVersionRules } from '../room-versions/index.ts';
import { generateSigningKey, type SigningKey } from '../signatures/index.ts';
import {
  isPolicyServerAsked,
  isSignedByPolicyServer,
  policyKeyId,
  readPolicyServer,
  withPolicySignature,
  type PolicyServer,
} from './index.ts';

const owl = 'owl.example' as ServerName;
const key = generateSigningKey(Buffer.alloc(32, 7), 'policy_server');
const otherKey = generateSigningKey(Buffer.alloc(32, 8), 'policy_server');
const policyServer: PolicyServer = { via: owl, publicKey: key.publicKey };

function message(rules: RoomVersionRules, server: ServerName): Pdu {
  const unsigned = buildPdu(
    {
      type: 'm.room.message',
      sender: `@alice:${server}` as UserId,
      roomId: '!kitchen:hive.example' as RoomId,
      stateKey: undefined,
      content: { msgtype: 'm.text', body: 'hello' },
      prevEvents: [],
      authEvents: [],
      depth: 5,
      originServerTs: 1_700_000_000_000,
      eventId: rules.eventIds === 'assigned' ? (`$hello:${server}` as EventId) : undefined,
    },
    rules,
  );
  return hashAndSignPdu(unsigned, server, generateSigningKey(Buffer.alloc(32, 1), '1'), rules);
}

/** What a policy server answers. */
function answerBy(signer: SigningKey, pdu: Pdu, rules: RoomVersionRules): Record<string, Record<string, string>> {
  const { signatures } = signPdu({ ...pdu, signatures: {} }, owl, signer, rules);
  return signatures;
}

test('a room has a policy server where its event names a server and a key', () => {
  const publicKey = 'abc';
  assert.deepEqual(readPolicyServer({ via: owl, public_keys: { ed25519: publicKey, other: 'x' } }), { via: owl, publicKey });
  const invalid: (JsonObject | undefined)[] = [
    undefined,
    {},
    { via: owl },
    { public_keys: { ed25519: publicKey } },
    { via: 7, public_keys: { ed25519: publicKey } },
    { via: 'no server', public_keys: { ed25519: publicKey } },
    { via: owl, public_keys: [publicKey] },
    { via: owl, public_keys: {} },
    { via: owl, public_keys: { ed25519: 7 } },
    { via: owl, public_key: publicKey },
  ];
  for (const content of invalid) assert.equal(readPolicyServer(content), undefined, JSON.stringify(content));
});

test('the policy server is asked about everything but the event that names it', () => {
  assert.equal(isPolicyServerAsked({ type: 'm.room.policy', stateKey: '' }), false);
  assert.equal(isPolicyServerAsked({ type: 'm.room.policy', stateKey: undefined }), true);
  assert.equal(isPolicyServerAsked({ type: 'm.room.policy', stateKey: 'x' }), true);
  assert.equal(isPolicyServerAsked({ type: 'm.room.member', stateKey: '@bob:hive.example' }), true);
  assert.equal(isPolicyServerAsked({ type: 'm.room.message' }), true);
});

test('a signature counts in every room version, of the whole event and of the redacted one, and changes nothing else', () => {
  for (const rules of knownRoomVersions()) {
    const plain = message(rules, 'hive.example' as ServerName);
    assert.equal(isSignedByPolicyServer(plain, policyServer, rules), false);
    const signed = withPolicySignature(plain, policyServer, answerBy(key, plain, rules), rules);
    assert.ok(signed, rules.id);
    assert.ok(isSignedByPolicyServer(signed, policyServer, rules));
    assert.ok(isSignedByPolicyServer(redactPdu(signed, rules), policyServer, rules));
    assert.equal(eventIdOf(signed, rules), eventIdOf(plain, rules));
    const { signatures, ...rest } = signed;
    assert.deepEqual({ ...rest, signatures: plain.signatures }, plain);
    assert.deepEqual(Object.keys(signatures), ['hive.example', owl]);
    assert.equal(isSignedByPolicyServer({ ...signed, depth: 6 }, policyServer, rules), false);
  }
});

test('an event of the policy server’s own users keeps the signature of their server', () => {
  const [rules] = knownRoomVersions().slice(-1) as [RoomVersionRules];
  const plain = message(rules, owl);
  const signed = withPolicySignature(plain, policyServer, answerBy(key, plain, rules), rules);
  assert.deepEqual(Object.keys(signed?.signatures[owl] ?? {}), ['ed25519:1', policyKeyId]);
});

test('what is signed with another key, by another server or under another name is not signed', () => {
  const [rules] = knownRoomVersions().slice(-1) as [RoomVersionRules];
  const plain = message(rules, 'hive.example' as ServerName);
  const right = answerBy(key, plain, rules)[owl]?.[policyKeyId] ?? '';
  const answers = [
    {},
    answerBy(otherKey, plain, rules),
    { 'crow.example': { [policyKeyId]: right } },
    { [owl]: { 'ed25519:1': right } },
    { [owl]: { [policyKeyId]: 'no signature' } },
  ];
  for (const answer of answers) assert.equal(withPolicySignature(plain, policyServer, answer, rules), undefined);
  const asNoKey = { via: owl, publicKey: 'no key' };
  assert.equal(withPolicySignature(plain, asNoKey, answerBy(key, plain, rules), rules), undefined);
});
