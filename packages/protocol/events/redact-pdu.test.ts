import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { knownRoomVersions } from '../room-versions/index.ts';
import type { JsonObject, Pdu } from './index.ts';
import { redactPdu } from './index.ts';

const versions = knownRoomVersions();
/** Whether a room version lies in `from` to `to`, both included; the specification states what is kept by version number. */
const between = (id: string, from: number, to = Infinity): boolean => Number(id) >= from && Number(id) <= to;

/** Every top-level key that the specification or a server ever put into an event, and the versions that keep it. */
const topLevel: Record<string, [from: number, to?: number] | undefined> = {
  event_id: [1],
  type: [1],
  room_id: [1],
  sender: [1],
  state_key: [1],
  content: [1],
  hashes: [1],
  signatures: [1],
  depth: [1],
  prev_events: [1],
  auth_events: [1],
  origin_server_ts: [1],
  prev_state: [1, 10],
  origin: [1, 10],
  membership: [1, 10],
  unsigned: undefined,
  redacts: undefined,
  age_ts: undefined,
  replaces_state: undefined,
  prev_content: undefined,
  user_id: undefined,
  'org.example.extra': undefined,
};

/** What each type's content keeps in which versions; `undefined` means never. */
const contents: Record<string, Record<string, [from: number, to?: number] | undefined>> = {
  'm.room.member': {
    membership: [1],
    join_authorised_via_users_server: [9],
    displayname: undefined,
    avatar_url: undefined,
    reason: undefined,
    is_direct: undefined,
  },
  'm.room.create': {
    creator: [1],
    room_version: [11],
    'm.federate': [11],
    predecessor: [11],
    additional_creators: [11],
    anything: [11],
  },
  'm.room.join_rules': { join_rule: [1], allow: [8], extra: undefined },
  'm.room.power_levels': {
    ban: [1],
    events: [1],
    events_default: [1],
    kick: [1],
    redact: [1],
    state_default: [1],
    users: [1],
    users_default: [1],
    invite: [11],
    notifications: undefined,
  },
  'm.room.aliases': { aliases: [1, 5], extra: undefined },
  'm.room.history_visibility': { history_visibility: [1], extra: undefined },
  'm.room.redaction': { redacts: [11], reason: undefined },
  'm.room.message': { body: undefined, msgtype: undefined, membership: undefined },
  'm.room.guest_access': { guest_access: undefined },
  'm.room.canonical_alias': { alias: undefined },
};

function event(type: string, content: JsonObject): Pdu {
  const filled = Object.fromEntries(Object.keys(topLevel).map((key) => [key, `value of ${key}`]));
  return { ...filled, type, content } as unknown as Pdu;
}

suite('redaction', () => {
  for (const rules of versions) {
    test(`version ${rules.id} keeps these keys of an event and no other`, () => {
      const redacted = redactPdu(event('m.room.message', { body: 'Bob is a fool' }), rules);
      const expected = Object.keys(topLevel).filter((key) => topLevel[key] && between(rules.id, ...topLevel[key]));
      assert.deepEqual(Object.keys(redacted), expected.toSorted());
      for (const key of expected) if (key !== 'type' && key !== 'content') assert.equal(redacted[key], `value of ${key}`);
    });

    for (const [type, keys] of Object.entries(contents)) {
      test(`version ${rules.id} keeps of ${type} what the auth rules need`, () => {
        const content = Object.fromEntries(Object.keys(keys).map((key) => [key, { of: key }]));
        const kept = Object.keys(keys).filter((key) => keys[key] && between(rules.id, ...keys[key]));
        assert.deepEqual(
          redactPdu(event(type, content), rules).content,
          Object.fromEntries(kept.map((key) => [key, { of: key }])),
        );
        assert.deepEqual(redactPdu(event(type, {}), rules).content, {});
      });
    }

    test(`version ${rules.id}: of a third-party invite only what was signed may stay`, () => {
      const keeps = between(rules.id, 11);
      const invite = { display_name: 'a…@example.org', signed: { mxid: '@bob:example.org', token: 't' } };
      const redact = (content: JsonObject) =>
        redactPdu(event('m.room.member', { membership: 'invite', ...content }), rules).content;
      const signed = keeps ? { third_party_invite: { signed: invite.signed } } : {};
      assert.deepEqual(redact({ third_party_invite: invite }), { membership: 'invite', ...signed });
      assert.deepEqual(redact({ third_party_invite: { display_name: 'x' } }), {
        membership: 'invite',
        ...(keeps && { third_party_invite: {} }),
      });
      for (const odd of ['x', 1, null, ['signed']])
        assert.deepEqual(redact({ third_party_invite: odd }), { membership: 'invite' });
    });

    test(`version ${rules.id}: what has been redacted stays the same when redacted again, and the event itself is not touched`, () => {
      for (const [type, keys] of Object.entries(contents)) {
        const whole = event(type, Object.fromEntries(Object.keys(keys).map((key) => [key, key])));
        const before = structuredClone(whole);
        const once = redactPdu(whole, rules);
        assert.deepEqual(redactPdu(once, rules), once);
        assert.deepEqual(whole, before);
      }
    });

    test(`version ${rules.id}: content named __proto__ or constructor brings nothing in`, () => {
      const content = JSON.parse('{"__proto__":{"membership":"join"},"constructor":1}') as JsonObject;
      assert.deepEqual(redactPdu(event('m.room.member', content), rules).content, {});
    });
  }
});
