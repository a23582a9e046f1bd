import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { UserId } from '../identifiers/types.ts';
import {
  deletePushRule,
  effectiveRuleset,
  findPushRule,
  type PushRuleKind,
  type PushRulePosition,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
  untouchedPushRules,
  type UserPushRules,
} from './index.ts';

const alice = '@alice:one.example' as UserId;

function put(rules: UserPushRules, ruleId: string, position: PushRulePosition = {}): UserPushRules {
  return putPushRule(rules, { kind: 'content', ruleId }, { pattern: ruleId, actions: ['notify'] }, position);
}

function names(rules: UserPushRules, kind: PushRuleKind = 'content'): string[] {
  return effectiveRuleset(rules, alice)[kind].map((rule) => rule.rule_id);
}

test('Alice starts with the rules of the server, written for her', () => {
  assert.deepEqual(names(untouchedPushRules, 'override'), [
    '.m.rule.master',
    '.m.rule.suppress_notices',
    '.m.rule.invite_for_me',
    '.m.rule.member_event',
    '.m.rule.is_user_mention',
    '.m.rule.is_room_mention',
    '.m.rule.tombstone',
    '.m.rule.reaction',
    '.m.rule.room.server_acl',
    '.m.rule.suppress_edits',
  ]);
  assert.deepEqual(names(untouchedPushRules, 'underride'), [
    '.m.rule.call',
    '.m.rule.encrypted_room_one_to_one',
    '.m.rule.room_one_to_one',
    '.m.rule.message',
    '.m.rule.encrypted',
  ]);
  assert.deepEqual(findPushRule(untouchedPushRules, alice, 'override', '.m.rule.is_user_mention'), {
    rule_id: '.m.rule.is_user_mention',
    default: true,
    enabled: true,
    conditions: [{ kind: 'event_property_contains', key: String.raw`content.m\.mentions.user_ids`, value: alice }],
    actions: ['notify', { set_tweak: 'sound', value: 'default' }, { set_tweak: 'highlight' }],
  });
});

test('her own rules stand between the master rule and the others', () => {
  const rules = putPushRule(untouchedPushRules, { kind: 'override', ruleId: 'mine' }, { actions: [], conditions: [] });
  assert.deepEqual(names(rules, 'override').slice(0, 3), ['.m.rule.master', 'mine', '.m.rule.suppress_notices']);
  assert.deepEqual(findPushRule(rules, alice, 'override', 'mine'), {
    rule_id: 'mine',
    default: false,
    enabled: true,
    actions: [],
    conditions: [],
  });
});

test('rules go where they are put', () => {
  const two = put(put(untouchedPushRules, 'tea'), 'cake');
  assert.deepEqual(names(two), ['cake', 'tea']);
  assert.deepEqual(names(put(two, 'pie', { before: 'tea' })), ['cake', 'pie', 'tea']);
  assert.deepEqual(names(put(two, 'pie', { after: 'tea' })), ['cake', 'tea', 'pie']);
  assert.deepEqual(names(put(two, 'pie', { before: 'cake', after: 'tea' })), ['pie', 'cake', 'tea']);
  assert.deepEqual(names(put(two, 'tea', { before: 'cake' })), ['tea', 'cake']);
  assert.deepEqual(names(put(two, 'tea')), ['cake', 'tea']);
  assert.throws(() => put(two, 'pie', { before: 'jam' }), { errcode: 'M_UNKNOWN', status: 400 });
  assert.throws(() => put(two, 'pie', { after: '.m.rule.master' }), { errcode: 'M_UNKNOWN' });
});

test('a changed rule stays disabled, and nothing is changed in place', () => {
  const before = put(untouchedPushRules, 'tea');
  const disabled = setPushRuleEnabled(before, { kind: 'content', ruleId: 'tea' }, false);
  assert.equal(findPushRule(before, alice, 'content', 'tea')?.enabled, true);
  assert.equal(findPushRule(put(disabled, 'tea'), alice, 'content', 'tea')?.enabled, false);
  assert.equal(untouchedPushRules.own.content.length, 0);
});

test('what cannot be a rule is refused', () => {
  for (const ruleId of ['.m.rule.mine', 'a/b', String.raw`a\b`]) {
    assert.throws(() => put(untouchedPushRules, ruleId), { errcode: 'M_INVALID_PARAM' }, ruleId);
  }
  assert.throws(() => putPushRule(untouchedPushRules, { kind: 'content', ruleId: 'tea' }, { actions: [] }), {
    errcode: 'M_MISSING_PARAM',
  });
  for (const action of ['shout', 7, { sound: 'x' }, null, ['notify']]) {
    assert.throws(() => putPushRule(untouchedPushRules, { kind: 'sender', ruleId: alice }, { actions: [action] }), {
      errcode: 'M_INVALID_PARAM',
    });
  }
});

test('actions of older versions count as absent', () => {
  const rules = putPushRule(
    untouchedPushRules,
    { kind: 'sender', ruleId: alice },
    { actions: ['dont_notify', 'coalesce', { set_tweak: 'sound', value: 'x', other: 1 }] },
  );
  assert.deepEqual(findPushRule(rules, alice, 'sender', alice)?.actions, [{ set_tweak: 'sound', value: 'x' }]);
});

test('rules are removed, those of the server are not', () => {
  const rules = put(untouchedPushRules, 'tea');
  assert.deepEqual(names(deletePushRule(rules, { kind: 'content', ruleId: 'tea' })), []);
  const missing = { errcode: 'M_NOT_FOUND' };
  assert.throws(() => deletePushRule(rules, { kind: 'content', ruleId: 'cake' }), missing);
  assert.throws(() => deletePushRule(rules, { kind: 'override', ruleId: '.m.rule.master' }), missing);
  assert.throws(() => setPushRuleEnabled(rules, { kind: 'content', ruleId: 'cake' }, true), missing);
  assert.throws(() => setPushRuleActions(rules, { kind: 'underride', ruleId: '.m.rule.master' }, []), missing);
});

test('changes to a rule of the server add up', () => {
  const name = { kind: 'override', ruleId: '.m.rule.tombstone' } as const;
  const rules = setPushRuleActions(setPushRuleEnabled(untouchedPushRules, name, false), name, ['notify']);
  const rule = findPushRule(rules, alice, 'override', '.m.rule.tombstone');
  assert.equal(rule?.enabled, false);
  assert.deepEqual(rule.actions, ['notify']);
  assert.equal(rule.default, true);
});
