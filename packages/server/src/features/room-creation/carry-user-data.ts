import type { Json, JsonObject } from '@myelin/protocol/events';
import { pushRuleKinds, type PushRule, type PushRuleKind, type UserPushRules } from '@myelin/protocol/push-rules';

import type { RoomIdentity } from '../../rooms/index.ts';
import { wholeAccount } from '../account-data/index.ts';
import type { UpgradeFollower } from './neighbours.ts';

type Change = (before: JsonObject | undefined) => Promise<{ readonly content: JsonObject | undefined } | undefined>;

/** What is asked of the account data. */
export interface AccountDataToCarry {
  readContent(userNid: number, type: string, roomNid: number): Promise<JsonObject | undefined>;
  update(userNid: number, type: string, roomNid: number, change: Change): Promise<void>;
}

/** What is asked of the push rules. */
export interface PushRulesToCarry {
  change(userNid: number, change: (rules: UserPushRules) => UserPushRules): Promise<void>;
}

/** Tags, and the place among direct chats. What the new room has already is left as it is. */
export function carryAccountData(accountData: AccountDataToCarry): UpgradeFollower {
  return {
    async follow(userNid, from, to) {
      const tags = await accountData.readContent(userNid, 'm.tag', from.nid);
      if (tags) await accountData.update(userNid, 'm.tag', to.nid, async (known) => (known ? undefined : { content: tags }));
      await accountData.update(userNid, 'm.direct', wholeAccount, async (direct) => {
        const carried = direct && withRoom(direct, from, to);
        return carried && { content: carried };
      });
    },
  };
}

/** `m.direct` with the new room wherever the old one is; undefined where that changes nothing. */
function withRoom(direct: JsonObject, from: RoomIdentity, to: RoomIdentity): JsonObject | undefined {
  let changed = false;
  const entries = Object.entries(direct).map(([person, rooms]): [string, Json | undefined] => {
    if (!Array.isArray(rooms) || !rooms.includes(from.roomId) || rooms.includes(to.roomId)) return [person, rooms];
    changed = true;
    return [person, [...rooms, to.roomId]];
  });
  // `fromEntries` defines members, so that none of them can be taken for the prototype.
  return changed ? Object.fromEntries(entries) : undefined;
}

/** Push rules about the old room: for the room itself, and those with a condition that names it. */
export function carryPushRules(rules: PushRulesToCarry): UpgradeFollower {
  return { follow: (userNid, from, to) => rules.change(userNid, (before) => withRules(before, from.roomId, to.roomId)) };
}

function withRules(before: UserPushRules, from: string, to: string): UserPushRules {
  let rules = before;
  for (const kind of pushRuleKinds) {
    for (const rule of before.own[kind].toReversed()) {
      const conditions = rule.conditions?.map((condition) =>
        names(condition, from) ? { ...condition, pattern: to } : condition,
      );
      if (!isAbout(kind, rule, from)) continue;
      const ruleId = rule.rule_id.includes(from) ? rule.rule_id.replaceAll(from, to) : `${rule.rule_id} ${to}`;
      if (rules.own[kind].some((known) => known.rule_id === ruleId)) continue;
      const carried = { ...rule, rule_id: ruleId, ...(conditions && { conditions }) };
      rules = { ...rules, own: { ...rules.own, [kind]: [carried, ...rules.own[kind]] } };
    }
  }
  return rules;
}

function isAbout(kind: PushRuleKind, rule: PushRule, roomId: string): boolean {
  return kind === 'room' ? rule.rule_id === roomId : (rule.conditions?.some((condition) => names(condition, roomId)) ?? false);
}

function names(condition: { readonly kind: string; readonly key?: string; readonly pattern?: string }, roomId: string): boolean {
  return condition.kind === 'event_match' && condition.key === 'room_id' && condition.pattern === roomId;
}
