import type { PushAction, PushCondition, PushRuleKind } from './types.ts';

/** A condition that is about the user whose rules these are; written out with the user's id when clients see it. */
export interface OwnUserIdCondition extends PushCondition {
  readonly userId: 'pattern' | 'value';
}

/** One of the server's rules, before it is anybody's. */
export interface DefaultRule {
  readonly kind: PushRuleKind;
  readonly rule_id: string;
  readonly enabled: boolean;
  readonly conditions: readonly (PushCondition | OwnUserIdCondition)[];
  readonly actions: readonly PushAction[];
}

const sound = (value: string): PushAction => ({ set_tweak: 'sound', value });
const highlight: PushAction = { set_tweak: 'highlight' };
const typeIs = (pattern: string): PushCondition => ({ kind: 'event_match', key: 'type', pattern });
const emptyStateKey: PushCondition = { kind: 'event_match', key: 'state_key', pattern: '' };
const twoMembers: PushCondition = { kind: 'room_member_count', is: '2' };

/** Stands before the rules of the user's own; all other rules of the server stand behind them. */
export const masterRuleId = '.m.rule.master';

/**
 * The server's rules, in order. The rules that looked for names in the text of messages are gone since 1.17 (MSC4210).
 * https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export const defaultRules: readonly DefaultRule[] = [
  { kind: 'override', rule_id: masterRuleId, enabled: false, conditions: [], actions: [] },
  {
    kind: 'override',
    rule_id: '.m.rule.suppress_notices',
    enabled: true,
    conditions: [{ kind: 'event_match', key: 'content.msgtype', pattern: 'm.notice' }],
    actions: [],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.invite_for_me',
    enabled: true,
    conditions: [
      typeIs('m.room.member'),
      { kind: 'event_match', key: 'content.membership', pattern: 'invite' },
      { kind: 'event_match', key: 'state_key', userId: 'pattern' },
    ],
    actions: ['notify', sound('default')],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.member_event',
    enabled: true,
    conditions: [typeIs('m.room.member')],
    actions: [],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.is_user_mention',
    enabled: true,
    conditions: [{ kind: 'event_property_contains', key: String.raw`content.m\.mentions.user_ids`, userId: 'value' }],
    actions: ['notify', sound('default'), highlight],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.is_room_mention',
    enabled: true,
    conditions: [
      { kind: 'event_property_is', key: String.raw`content.m\.mentions.room`, value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    actions: ['notify', highlight],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.tombstone',
    enabled: true,
    conditions: [typeIs('m.room.tombstone'), emptyStateKey],
    actions: ['notify', highlight],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.reaction',
    enabled: true,
    conditions: [typeIs('m.reaction')],
    actions: [],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.room.server_acl',
    enabled: true,
    conditions: [typeIs('m.room.server_acl'), emptyStateKey],
    actions: [],
  },
  {
    kind: 'override',
    rule_id: '.m.rule.suppress_edits',
    enabled: true,
    conditions: [{ kind: 'event_property_is', key: String.raw`content.m\.relates_to.rel_type`, value: 'm.replace' }],
    actions: [],
  },
  {
    kind: 'underride',
    rule_id: '.m.rule.call',
    enabled: true,
    conditions: [typeIs('m.call.invite')],
    actions: ['notify', sound('ring')],
  },
  {
    kind: 'underride',
    rule_id: '.m.rule.encrypted_room_one_to_one',
    enabled: true,
    conditions: [twoMembers, typeIs('m.room.encrypted')],
    actions: ['notify', sound('default')],
  },
  {
    kind: 'underride',
    rule_id: '.m.rule.room_one_to_one',
    enabled: true,
    conditions: [twoMembers, typeIs('m.room.message')],
    actions: ['notify', sound('default')],
  },
  {
    kind: 'underride',
    rule_id: '.m.rule.message',
    enabled: true,
    conditions: [typeIs('m.room.message')],
    actions: ['notify'],
  },
  {
    kind: 'underride',
    rule_id: '.m.rule.encrypted',
    enabled: true,
    conditions: [typeIs('m.room.encrypted')],
    actions: ['notify'],
  },
];

/** Whether a condition of a default rule is about the user whose rules these are. */
export function isAboutOwnUserId(condition: PushCondition | OwnUserIdCondition): condition is OwnUserIdCondition {
  return 'userId' in condition;
}
