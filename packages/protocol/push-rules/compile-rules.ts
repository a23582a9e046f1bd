import { bodyMatches, compileCondition, type ConditionTest, type PersonalTest, type SharedTest } from './conditions.ts';
import { type DefaultRule, defaultRules, masterRuleId } from './default-rules.ts';
import { withChanges } from './ruleset.ts';
import type { PushAction, PushRule, PushRuleKind, UserPushRules } from './types.ts';

/** When a rule applies: what is the same for everybody is asked first, and once an event. */
export interface RuleTest {
  readonly shared: readonly SharedTest[];
  readonly personal: readonly PersonalTest[];
}

export interface CompiledRule {
  readonly test: RuleTest;
  readonly actions: readonly PushAction[];
}

/** A user's rules that are in force, ready to run from top to bottom. */
export interface CompiledRules {
  /** Override and content rules. */
  readonly first: readonly CompiledRule[];
  /** Room and sender rules by what they are about. */
  readonly rooms: ReadonlyMap<string, readonly PushAction[]>;
  readonly senders: ReadonlyMap<string, readonly PushAction[]>;
  /** Underride rules. */
  readonly last: readonly CompiledRule[];
}

/** The server's rules are everybody's: their tests are made once, so that an event's answers to them can be shared. */
const defaultTests = new Map<DefaultRule, RuleTest>(
  defaultRules.map((rule) => [rule, ruleTest(rule.conditions.map((condition) => compileCondition(condition)))]),
);

const remembered = new WeakMap<UserPushRules, CompiledRules>();

/** Compiles a user's rules, once for each value of them. */
export function compilePushRules(rules: UserPushRules): CompiledRules {
  let compiled = remembered.get(rules);
  if (compiled === undefined) {
    compiled = compile(rules);
    remembered.set(rules, compiled);
  }
  return compiled;
}

function compile(rules: UserPushRules): CompiledRules {
  const ofServer = (kind: PushRuleKind, isMaster: boolean): CompiledRule[] =>
    defaultRules
      .filter((rule) => rule.kind === kind && (rule.rule_id === masterRuleId) === isMaster)
      .filter((rule) => withChanges(rule, rules).enabled)
      .map((rule) => ({ test: testOfDefault(rule), actions: withChanges(rule, rules).actions }));
  const own = (kind: PushRuleKind): CompiledRule[] => rules.own[kind].filter((rule) => rule.enabled).map(compileOwn);
  return {
    first: [...ofServer('override', true), ...own('override'), ...ofServer('override', false), ...own('content')],
    rooms: actionsByName(rules.own.room),
    senders: actionsByName(rules.own.sender),
    last: [...own('underride'), ...ofServer('underride', false)],
  };
}

function compileOwn(rule: PushRule): CompiledRule {
  const conditions = rule.pattern === undefined ? (rule.conditions ?? []).map(compileCondition) : [bodyMatches(rule.pattern)];
  return { test: ruleTest(conditions), actions: rule.actions };
}

function actionsByName(rules: readonly PushRule[]): Map<string, readonly PushAction[]> {
  return new Map(rules.filter((rule) => rule.enabled).map((rule) => [rule.rule_id, rule.actions]));
}

function ruleTest(conditions: readonly ConditionTest[]): RuleTest {
  const shared: SharedTest[] = [];
  const personal: PersonalTest[] = [];
  for (const condition of conditions) {
    if (condition.about === 'everybody') shared.push(condition.test);
    else personal.push(condition.test);
  }
  return { shared, personal };
}

function testOfDefault(rule: DefaultRule): RuleTest {
  const test = defaultTests.get(rule);
  if (test === undefined) throw new Error(`The default rule ${rule.rule_id} was not compiled`);
  return test;
}
