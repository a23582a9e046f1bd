export {
  deletePushRule,
  parseActions,
  type PushRuleInput,
  type PushRuleName,
  type PushRulePosition,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
} from './change-rules.ts';
export type { RoomFacts, UserFacts } from './conditions.ts';
export { evaluatePushRules, highlights, notifies, type PushEvaluator, pushEvaluator, tweaks } from './evaluate.ts';
export type { PushEvent } from './push-event.ts';
export { effectiveRuleset, findPushRule } from './ruleset.ts';
export {
  type DefaultRuleChange,
  type PushAction,
  type PushCondition,
  type PushRule,
  type PushRuleKind,
  pushRuleKinds,
  type PushRuleset,
  type SetTweak,
  untouchedPushRules,
  type UserPushRules,
} from './types.ts';
