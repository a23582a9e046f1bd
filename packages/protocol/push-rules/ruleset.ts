import type { UserId } from '../identifiers/types.ts';
import { type DefaultRule, defaultRules, isAboutOwnUserId, masterRuleId, type OwnUserIdCondition } from './default-rules.ts';
import type { PushCondition, PushRule, PushRuleKind, PushRuleset, UserPushRules } from './types.ts';

/**
 * A user's rules as clients see them: the user's own before the server's, except the master rule; the server's with the
 * user's changes. https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export function effectiveRuleset(rules: UserPushRules, userId: UserId): PushRuleset {
  const ofKind = (kind: PushRuleKind) => effectiveRules(rules, kind, userId);
  return {
    override: ofKind('override'),
    content: ofKind('content'),
    room: ofKind('room'),
    sender: ofKind('sender'),
    underride: ofKind('underride'),
  };
}

/** One rule as clients see it; undefined where the user has none of that kind and name. */
export function findPushRule(rules: UserPushRules, userId: UserId, kind: PushRuleKind, ruleId: string): PushRule | undefined {
  return effectiveRules(rules, kind, userId).find((rule) => rule.rule_id === ruleId);
}

/** The server's rule of that kind and name. */
export function findDefaultRule(kind: PushRuleKind, ruleId: string): DefaultRule | undefined {
  return defaultRules.find((rule) => rule.kind === kind && rule.rule_id === ruleId);
}

/** A default rule with what the user changed about it. */
export function withChanges(rule: DefaultRule, rules: UserPushRules): DefaultRule {
  const change = Object.hasOwn(rules.changes, rule.rule_id) ? rules.changes[rule.rule_id] : undefined;
  return change === undefined ? rule : { ...rule, ...change };
}

function effectiveRules(rules: UserPushRules, kind: PushRuleKind, userId: UserId): PushRule[] {
  const ofServer = defaultRules.filter((rule) => rule.kind === kind).map((rule) => shown(withChanges(rule, rules), userId));
  const master = ofServer.filter((rule) => rule.rule_id === masterRuleId);
  const others = ofServer.filter((rule) => rule.rule_id !== masterRuleId);
  return [...master, ...rules.own[kind], ...others];
}

function shown(rule: DefaultRule, userId: UserId): PushRule {
  return {
    rule_id: rule.rule_id,
    default: true,
    enabled: rule.enabled,
    conditions: rule.conditions.map((condition) => shownCondition(condition, userId)),
    actions: rule.actions,
  };
}

function shownCondition(condition: PushCondition | OwnUserIdCondition, userId: UserId): PushCondition {
  if (!isAboutOwnUserId(condition)) return condition;
  const { userId: member, ...rest } = condition;
  return { ...rest, [member]: userId };
}
