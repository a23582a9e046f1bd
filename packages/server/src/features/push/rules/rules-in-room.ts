import { untouchedPushRules, type PushRule, type PushRuleKind, type UserPushRules } from '@myelin/protocol/push-rules';

const rememberedLimit = 10_000;

/**
 * What of a user's push rules can matter in one room: rules that are off, and rules about other rooms, are left out. Users whose rules
 * come to the same there get the same object, so that a room's members fall into a few classes, and one who only muted some other room
 * is like one who never touched anything.
 */
export class RulesInRooms {
  /** By their JSON; insertion order is order of use. */
  readonly #known = new Map<string, UserPushRules>();

  of(rules: UserPushRules, roomId: string): UserPushRules {
    if (rules === untouchedPushRules) return rules;
    const ofKind = (kind: PushRuleKind): readonly PushRule[] =>
      rules.own[kind].filter((rule) => rule.enabled && mayMatchIn(rule, kind, roomId));
    const own = {
      override: ofKind('override'),
      content: ofKind('content'),
      room: ofKind('room'),
      sender: ofKind('sender'),
      underride: ofKind('underride'),
    };
    const isUntouched = Object.values(own).every((list) => list.length === 0) && Object.keys(rules.changes).length === 0;
    return isUntouched ? untouchedPushRules : this.#shared({ own, changes: rules.changes });
  }

  #shared(rules: UserPushRules): UserPushRules {
    const key = JSON.stringify(rules);
    const known = this.#known.get(key) ?? rules;
    this.#known.delete(key);
    this.#known.set(key, known);
    if (this.#known.size > rememberedLimit) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return known;
  }
}

function mayMatchIn(rule: PushRule, kind: PushRuleKind, roomId: string): boolean {
  if (kind === 'room') return rule.rule_id === roomId;
  // Clients mute a room by an override rule with its id as the pattern.
  return !(rule.conditions ?? []).some(
    ({ kind: condition, key, pattern }) =>
      condition === 'event_match' && key === 'room_id' && pattern !== undefined && namesAnother(pattern, roomId),
  );
}

function namesAnother(pattern: string, roomId: string): boolean {
  return !/[*?]/.test(pattern) && pattern.toLowerCase() !== roomId.toLowerCase();
}

/** Whether rules of the user's own ask for the user's name in the room, so that each user must be asked apart. */
export function asksForDisplayName({ own }: UserPushRules): boolean {
  return [...own.override, ...own.underride].some((rule) =>
    (rule.conditions ?? []).some(({ kind }) => kind === 'contains_display_name'),
  );
}
