import { type CompiledRule, compilePushRules, type RuleTest } from './compile-rules.ts';
import type { RoomFacts, UserFacts } from './conditions.ts';
import { propertyReader, type PushEvent } from './push-event.ts';
import type { PushAction, SetTweak, UserPushRules } from './types.ts';

/** Says what an event does for one member of the room after another. */
export type PushEvaluator = (rules: UserPushRules, user: UserFacts) => readonly PushAction[];

const nothing: readonly PushAction[] = [];

/**
 * Prepares an event for the rules of everybody in its room: its properties, and the answers that are the same for everybody,
 * are found once. The evaluator gives the actions of the most important rule that matches, and none for the sender.
 * https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export function pushEvaluator(event: PushEvent, room: RoomFacts): PushEvaluator {
  const reader = propertyReader(event);
  const answers = new Map<RuleTest, boolean>();

  function holdsForEverybody(test: RuleTest): boolean {
    let answer = answers.get(test);
    if (answer === undefined) {
      answer = test.shared.every((holds) => holds(reader, room));
      answers.set(test, answer);
    }
    return answer;
  }

  function firstMatch(rules: readonly CompiledRule[], user: UserFacts): CompiledRule | undefined {
    for (const rule of rules) {
      if (holdsForEverybody(rule.test) && rule.test.personal.every((holds) => holds(reader, user))) return rule;
    }
    return undefined;
  }

  return (rules, user) => {
    if (user.userId === event.sender) return nothing;
    const { first, rooms, senders, last } = compilePushRules(rules);
    return (
      firstMatch(first, user)?.actions ??
      rooms.get(event.roomId) ??
      senders.get(event.sender) ??
      firstMatch(last, user)?.actions ??
      nothing
    );
  };
}

/** What an event does for one user; for a whole room make one `pushEvaluator`. */
export function evaluatePushRules(event: PushEvent, rules: UserPushRules, facts: RoomFacts & UserFacts): readonly PushAction[] {
  return pushEvaluator(event, facts)(rules, facts);
}

/** Whether the actions make a notification. */
export function notifies(actions: readonly PushAction[]): boolean {
  return actions.includes('notify');
}

/** Whether the actions highlight the event: a `highlight` tweak without a value counts as true. */
export function highlights(actions: readonly PushAction[]): boolean {
  return tweaks(actions)['highlight'] === true;
}

/** The `tweaks` of a notification; the later of two of a name wins. https://spec.matrix.org/v1.19/client-server-api/#actions */
export function tweaks(actions: readonly PushAction[]): Record<string, SetTweak['value']> {
  const entries = actions
    .filter((action): action is SetTweak => action !== 'notify')
    .map((action) => [action.set_tweak, action.value ?? (action.set_tweak === 'highlight' ? true : undefined)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
