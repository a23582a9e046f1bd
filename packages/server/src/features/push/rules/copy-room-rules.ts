import type { RoomId } from '@myelin/protocol/identifiers';
import {
  type PushCondition,
  type PushRule,
  putPushRule,
  setPushRuleEnabled,
  type UserPushRules,
} from '@myelin/protocol/push-rules';

/** The rules with those that bear one room's id copied for another room. The same object where there are none. */
export function copyRoomRules(rules: UserPushRules, from: RoomId, to: RoomId): UserPushRules {
  let copied = rules;
  for (const kind of ['override', 'room'] as const) {
    const rule = rules.own[kind].find(({ rule_id: ruleId }) => ruleId === from);
    if (!rule) continue;
    const name = { kind, ruleId: to };
    copied = setPushRuleEnabled(
      putPushRule(copied, name, {
        actions: rule.actions.map((action) => (action === 'notify' ? action : { ...action })),
        ...conditionsFor(rule, from, to),
      }),
      name,
      rule.enabled,
    );
  }
  return copied;
}

function conditionsFor({ conditions }: PushRule, from: RoomId, to: RoomId): { conditions?: PushCondition[] } {
  if (!conditions) return {};
  const isAboutRoom = ({ key, pattern }: PushCondition) => key === 'room_id' && pattern === from;
  return { conditions: conditions.map((condition) => (isAboutRoom(condition) ? { ...condition, pattern: to } : condition)) };
}
