import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../events/pdu.ts';
import type { EventId, RoomId, UserId } from '../identifiers/types.ts';
import {
  evaluatePushRules,
  highlights,
  notifies,
  type PushAction,
  type PushCondition,
  type PushEvent,
  pushEvaluator,
  putPushRule,
  type RoomFacts,
  setPushRuleActions,
  setPushRuleEnabled,
  tweaks,
  untouchedPushRules,
  type UserFacts,
  type UserPushRules,
} from './index.ts';

const alice = '@alice:one.example' as UserId;
const bob = '@bob:one.example' as UserId;
const tea = '!tea:one.example' as RoomId;
const room: RoomFacts = { memberCount: 3, senderPowerLevel: 0, notificationLevels: {} };

function event(part: Partial<PushEvent>): PushEvent {
  return {
    eventId: '$1' as EventId,
    roomId: tea,
    sender: alice,
    type: 'm.room.message',
    stateKey: undefined,
    content: {},
    ...part,
  };
}

function message(content: JsonObject): PushEvent {
  return event({ content: { msgtype: 'm.text', body: 'Hello', ...content } });
}

/** What bob gets of an event. */
function forBob(
  happened: PushEvent,
  options: { rules?: UserPushRules; room?: Partial<RoomFacts>; user?: Partial<UserFacts> } = {},
): readonly PushAction[] {
  const facts = { ...room, ...options.room, userId: bob, ...options.user };
  return evaluatePushRules(happened, options.rules ?? untouchedPushRules, facts);
}

/** Whether bob's only rule of his own, with these conditions, matches. */
function matches(happened: PushEvent, condition: PushCondition, facts: Partial<RoomFacts & UserFacts> = {}): boolean {
  const rules = putPushRule(
    untouchedPushRules,
    { kind: 'override', ruleId: 'mine' },
    { actions: [{ set_tweak: 'mine' }], conditions: [condition] },
  );
  return 'mine' in markOf(forBob(happened, { rules, room: facts, user: facts }));
}

function markOf(actions: readonly PushAction[]): Record<string, boolean> {
  return Object.fromEntries(actions.map((action) => [action === 'notify' ? 'notify' : action.set_tweak, true]));
}

test('a message notifies, without sound; in a talk of two, with sound', () => {
  assert.deepEqual(forBob(message({})), ['notify']);
  assert.deepEqual(tweaks(forBob(message({}), { room: { memberCount: 2 } })), { sound: 'default' });
  assert.deepEqual(forBob(event({ type: 'm.room.encrypted' })), ['notify']);
});

test('nobody is notified of what they sent', () => {
  assert.deepEqual(forBob(event({ sender: bob, content: { body: 'Hello' } })), []);
});

test('notices, reactions, edits, members and ACLs are silent', () => {
  assert.deepEqual(forBob(message({ msgtype: 'm.notice' })), []);
  assert.deepEqual(forBob(event({ type: 'm.reaction' })), []);
  assert.deepEqual(forBob(message({ 'm.relates_to': { rel_type: 'm.replace', event_id: '$0' } })), []);
  assert.deepEqual(forBob(event({ type: 'm.room.member', stateKey: alice, content: { membership: 'join' } })), []);
  assert.deepEqual(forBob(event({ type: 'm.room.server_acl', stateKey: '' })), []);
  assert.deepEqual(forBob(event({ type: 'org.example.other' })), []);
});

test('an invite notifies the one who is invited', () => {
  const invite = (target: UserId) => event({ type: 'm.room.member', stateKey: target, content: { membership: 'invite' } });
  assert.deepEqual(tweaks(forBob(invite(bob))), { sound: 'default' });
  assert.ok(notifies(forBob(invite(bob))));
  assert.deepEqual(forBob(invite('@carol:one.example' as UserId)), []);
});

test('a mention highlights, a name in the text no longer does', () => {
  const mention = forBob(message({ 'm.mentions': { user_ids: [bob] } }));
  assert.ok(notifies(mention) && highlights(mention));
  assert.ok(!highlights(forBob(message({ 'm.mentions': { user_ids: [alice] } }))));
  assert.ok(!highlights(forBob(message({ body: 'bob: hi' }), { user: { displayName: 'bob' } })));
});

test('the room is mentioned by those who may', () => {
  const call = message({ 'm.mentions': { room: true } });
  assert.ok(!highlights(forBob(call)));
  assert.ok(highlights(forBob(call, { room: { senderPowerLevel: 50 } })));
  assert.ok(!highlights(forBob(call, { room: { senderPowerLevel: 50, notificationLevels: { room: 75 } } })));
  assert.ok(highlights(forBob(call, { room: { senderPowerLevel: Infinity, notificationLevels: { room: 75 } } })));
  assert.ok(!highlights(forBob(message({ 'm.mentions': { room: 'true' } }), { room: { senderPowerLevel: 100 } })));
});

test('a tombstone highlights, as state only', () => {
  assert.ok(highlights(forBob(event({ type: 'm.room.tombstone', stateKey: '' }))));
  assert.ok(!highlights(forBob(event({ type: 'm.room.tombstone' }))));
});

test('event_match compares whole values without case, and only text', () => {
  const lunch: PushCondition = { kind: 'event_match', key: 'content.topic', pattern: 'lunc?*' };
  assert.ok(matches(event({ content: { topic: 'Lunch plans' } }), lunch));
  assert.ok(matches(event({ content: { topic: 'LUNCH' } }), lunch));
  assert.ok(!matches(event({ content: { topic: ' lunch' } }), lunch));
  assert.ok(!matches(event({ content: { topic: 'lunc' } }), lunch));
  assert.ok(!matches(event({ content: { topic: null } }), lunch));
  assert.ok(!matches(event({}), { kind: 'event_match', key: 'content.topic', pattern: '*' }));
  assert.ok(!matches(event({}), { kind: 'event_match', key: 'content.topic' }));
  assert.ok(
    matches(event({ content: { 'a.b': { c: 'x' } } }), { kind: 'event_match', key: String.raw`content.a\.b.c`, pattern: 'X' }),
  );
  assert.ok(!matches(event({ content: {} }), { kind: 'event_match', key: 'content.constructor.name', pattern: '*' }));
});

test('event_match looks for words in the body', () => {
  const cake: PushCondition = { kind: 'event_match', key: 'content.body', pattern: 'ex*ple' };
  assert.ok(matches(message({ body: 'An exciting triple-whammy' }), cake));
  assert.ok(!matches(message({ body: 'exampled' }), cake));
});

test('event_property_is and event_property_contains cast nothing', () => {
  const federate: PushCondition = { kind: 'event_property_is', key: String.raw`content.m\.federate`, value: true };
  assert.ok(matches(event({ content: { 'm.federate': true } }), federate));
  assert.ok(!matches(event({ content: { 'm.federate': 'true' } }), federate));
  assert.ok(!matches(event({ content: { 'm.federate': 1 } }), federate));
  assert.ok(matches(event({ content: { x: null } }), { kind: 'event_property_is', key: 'content.x', value: null }));
  assert.ok(!matches(event({}), { kind: 'event_property_is', key: 'content.x', value: null }));
  const aliases: PushCondition = { kind: 'event_property_contains', key: 'content.alt_aliases', value: '#tea:one.example' };
  assert.ok(matches(event({ content: { alt_aliases: ['#a:b', '#tea:one.example'] } }), aliases));
  assert.ok(!matches(event({ content: { alt_aliases: [{ a: 1 }, '#TEA:one.example'] } }), aliases));
  assert.ok(!matches(event({ content: { alt_aliases: '#tea:one.example' } }), aliases));
});

test('members are counted', () => {
  const count = (is: string) => matches(event({}), { kind: 'room_member_count', is }, { memberCount: 5 });
  assert.deepEqual(['5', '==5', '<=5', '>=5', '<6', '>4'].map(count), Array<boolean>(6).fill(true));
  assert.deepEqual(['4', '<5', '>5', '=5', '', 'five', '5 '].map(count), Array<boolean>(7).fill(false));
});

test('a display name is looked for where a user still has such a rule', () => {
  const name: PushCondition = { kind: 'contains_display_name' };
  assert.ok(matches(message({ body: 'hi BOB!' }), name, { displayName: 'Bob' }));
  assert.ok(!matches(message({ body: 'bobbing' }), name, { displayName: 'Bob' }));
  assert.ok(!matches(message({ body: 'bxb' }), name, { displayName: 'b?b' }));
  assert.ok(!matches(message({ body: 'hi' }), name, { displayName: '' }));
  assert.ok(!matches(message({ body: 'hi' }), name));
});

test('a condition nobody knows never holds', () => {
  assert.ok(!matches(message({}), { kind: 'org.example.moon_is_full' }));
});

test('kinds are asked in their order', () => {
  const quiet = putPushRule(untouchedPushRules, { kind: 'room', ruleId: tea }, { actions: [] });
  assert.deepEqual(forBob(message({}), { rules: quiet }), []);
  assert.ok(highlights(forBob(message({ 'm.mentions': { user_ids: [bob] } }), { rules: quiet })));
  const cake = putPushRule(quiet, { kind: 'content', ruleId: 'cake' }, { pattern: 'cake', actions: ['notify'] });
  assert.deepEqual(forBob(message({ body: 'Cake!' }), { rules: cake }), ['notify']);
  const loud = putPushRule(
    untouchedPushRules,
    { kind: 'sender', ruleId: alice },
    { actions: [{ set_tweak: 'sound', value: 'x' }] },
  );
  assert.deepEqual(tweaks(forBob(message({}), { rules: loud })), { sound: 'x' });
  const disabled = setPushRuleEnabled(quiet, { kind: 'room', ruleId: tea }, false);
  assert.deepEqual(forBob(message({}), { rules: disabled }), ['notify']);
});

test("the server's rules can be switched and changed", () => {
  const master = setPushRuleEnabled(untouchedPushRules, { kind: 'override', ruleId: '.m.rule.master' }, true);
  const loud = putPushRule(master, { kind: 'override', ruleId: 'all' }, { actions: ['notify'], conditions: [] });
  assert.deepEqual(forBob(message({}), { rules: loud }), []);
  const changed = setPushRuleActions(untouchedPushRules, { kind: 'underride', ruleId: '.m.rule.message' }, [
    'notify',
    { set_tweak: 'highlight' },
  ]);
  assert.ok(highlights(forBob(message({}), { rules: changed })));
  const off = setPushRuleEnabled(untouchedPushRules, { kind: 'underride', ruleId: '.m.rule.message' }, false);
  assert.deepEqual(forBob(message({}), { rules: off }), []);
});

test('highlight false is no highlight', () => {
  assert.ok(!highlights(['notify', { set_tweak: 'highlight', value: false }]));
  assert.ok(highlights(['notify', { set_tweak: 'highlight' }]));
});

test('one event for 10,000 members asks each shared question once', () => {
  let reads = 0;
  const content = new Proxy<JsonObject>(
    { msgtype: 'm.text', body: 'Hello' },
    {
      getOwnPropertyDescriptor(target, key) {
        reads += 1;
        return Reflect.getOwnPropertyDescriptor(target, key);
      },
    },
  );
  const evaluate = pushEvaluator(event({ content }), room);
  for (let member = 0; member < 10_000; member++) {
    assert.deepEqual(evaluate(untouchedPushRules, { userId: `@user${member}:one.example` as UserId }), ['notify']);
  }
  assert.ok(reads < 20, `${reads} reads`);
});
