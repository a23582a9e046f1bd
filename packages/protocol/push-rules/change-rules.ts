import { invalidParam, MatrixError, missingParam, notFound } from '../errors/index.ts';
import type { Json, JsonObject } from '../events/pdu.ts';
import { findDefaultRule } from './ruleset.ts';
import type { PushAction, PushCondition, PushRule, PushRuleKind, UserPushRules } from './types.ts';

/** Longer ones would only make each message dear to match. */
const maxPatternLength = 512;
const maxConditions = 100;
const maxRulesOfAKind = 2000;

/** Which rule is meant. */
export interface PushRuleName {
  readonly kind: PushRuleKind;
  readonly ruleId: string;
}

/** What a client sends to make or change a rule, as its schema leaves it: actions are still anything. */
export interface PushRuleInput {
  readonly actions: readonly Json[];
  readonly conditions?: readonly PushCondition[];
  readonly pattern?: string;
}

/** Where a rule goes among the user's own; `before` wins where both are given. */
export interface PushRulePosition {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

/**
 * Makes or changes a rule of the user's own. A new one is enabled, and the most important of its kind unless a place is named;
 * a changed one keeps its place and whether it is enabled.
 * Throws M_INVALID_PARAM for a name or an action that cannot be, M_MISSING_PARAM for a content rule without a pattern,
 * M_UNKNOWN (400) where the neighbour is not there.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
 */
export function putPushRule(
  rules: UserPushRules,
  name: PushRuleName,
  input: PushRuleInput,
  position: PushRulePosition = {},
): UserPushRules {
  checkName(name.ruleId);
  const ofKind = rules.own[name.kind];
  const existing = ofKind.find((rule) => rule.rule_id === name.ruleId);
  if (existing === undefined && ofKind.length >= maxRulesOfAKind) throw invalidParam('Too many push rules');
  const rule: PushRule = {
    rule_id: name.ruleId,
    default: false,
    enabled: existing?.enabled ?? true,
    actions: parseActions(input.actions),
    ...parseMatch(name.kind, input),
  };
  return withOwn(rules, name.kind, place(ofKind, rule, position));
}

/** Removes a rule of the user's own. Throws M_NOT_FOUND where there is none; the server's rules can only be disabled. */
export function deletePushRule(rules: UserPushRules, name: PushRuleName): UserPushRules {
  const left = rules.own[name.kind].filter((rule) => rule.rule_id !== name.ruleId);
  if (left.length === rules.own[name.kind].length) throw notFound('Push rule not found');
  return withOwn(rules, name.kind, left);
}

/** Enables or disables a rule, the server's too. Throws M_NOT_FOUND where there is none. */
export function setPushRuleEnabled(rules: UserPushRules, name: PushRuleName, enabled: boolean): UserPushRules {
  return change(rules, name, { enabled });
}

/** Changes what a rule does, the server's too. Throws M_NOT_FOUND where there is none, M_INVALID_PARAM for unknown actions. */
export function setPushRuleActions(rules: UserPushRules, name: PushRuleName, actions: readonly Json[]): UserPushRules {
  return change(rules, name, { actions: parseActions(actions) });
}

/**
 * The actions in what a client sent. `dont_notify` and `coalesce` of older versions are left out, as if they were not there.
 * Throws M_INVALID_PARAM for what was never an action.
 * https://spec.matrix.org/v1.19/client-server-api/#actions
 */
export function parseActions(actions: readonly Json[]): PushAction[] {
  return actions.filter((action) => action !== 'dont_notify' && action !== 'coalesce').map(parseAction);
}

function parseAction(action: Json): PushAction {
  if (action === 'notify') return action;
  if (!isObject(action)) throw invalidParam('Unknown push rule action');
  const tweak = action['set_tweak'];
  if (typeof tweak !== 'string') throw invalidParam('A push rule action that is an object must have a set_tweak');
  const value = action['value'];
  return value === undefined ? { set_tweak: tweak } : { set_tweak: tweak, value };
}

function parseMatch(kind: PushRuleKind, input: PushRuleInput): Pick<PushRule, 'conditions' | 'pattern'> {
  if (kind === 'content') {
    if (input.pattern === undefined) throw missingParam('pattern');
    checkPattern(input.pattern);
    return { pattern: input.pattern };
  }
  if (kind === 'room' || kind === 'sender') return {};
  const conditions = input.conditions ?? [];
  if (conditions.length > maxConditions) throw invalidParam(`A push rule may have ${maxConditions} conditions`);
  for (const condition of conditions) checkPattern(condition.pattern ?? '');
  return { conditions };
}

function checkPattern(pattern: string): void {
  if (pattern.length > maxPatternLength) throw invalidParam(`The pattern of a push rule may have ${maxPatternLength} characters`);
}

function checkName(ruleId: string): void {
  if (ruleId.startsWith('.')) throw invalidParam('Names of push rules that start with a dot are for the server');
  if (/[/\\]/.test(ruleId)) throw invalidParam('The name of a push rule may not have slashes or backslashes in it');
}

function place(ofKind: readonly PushRule[], rule: PushRule, position: PushRulePosition): readonly PushRule[] {
  const neighbour = position.before ?? position.after;
  const others = ofKind.filter((other) => other.rule_id !== rule.rule_id);
  if (neighbour === undefined) {
    if (others.length === ofKind.length) return [rule, ...ofKind];
    return ofKind.map((other) => (other.rule_id === rule.rule_id ? rule : other));
  }
  const index = others.findIndex((other) => other.rule_id === neighbour);
  if (index < 0) {
    throw new MatrixError('M_UNKNOWN', `before/after rule not found: ${neighbour}`, { status: 400 });
  }
  // "Before" reads as the list does: the next most important rule with respect to the neighbour stands just ahead of it.
  return others.toSpliced(position.before === undefined ? index + 1 : index, 0, rule);
}

function change(
  rules: UserPushRules,
  name: PushRuleName,
  changed: { readonly enabled?: boolean; readonly actions?: readonly PushAction[] },
): UserPushRules {
  if (findDefaultRule(name.kind, name.ruleId) !== undefined) {
    return { ...rules, changes: { ...rules.changes, [name.ruleId]: { ...rules.changes[name.ruleId], ...changed } } };
  }
  const ofKind = rules.own[name.kind];
  if (!ofKind.some((rule) => rule.rule_id === name.ruleId)) throw notFound('Push rule not found');
  return withOwn(
    rules,
    name.kind,
    ofKind.map((rule) => (rule.rule_id === name.ruleId ? { ...rule, ...changed } : rule)),
  );
}

function withOwn(rules: UserPushRules, kind: PushRuleKind, ofKind: readonly PushRule[]): UserPushRules {
  return { ...rules, own: { ...rules.own, [kind]: ofKind } };
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
