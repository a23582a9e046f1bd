import { highlights, notifies, type PushAction } from '@myelin/protocol/push-rules';

/** What an event does for somebody's counts. An event that does not notify highlights nothing. */
export interface Outcome {
  readonly notifications: 0 | 1;
  readonly highlights: 0 | 1;
  readonly actions: readonly PushAction[];
}

/** It does nothing. */
export const silence: Outcome = { notifications: 0, highlights: 0, actions: [] };

const known = new WeakMap<readonly PushAction[], Outcome>();

/** What the actions of the rule that matched mean for the counts. */
export function outcomeOf(actions: readonly PushAction[]): Outcome {
  if (actions.length === 0) return silence;
  let outcome = known.get(actions);
  if (outcome === undefined) {
    outcome = notifies(actions) ? { notifications: 1, highlights: highlights(actions) ? 1 : 0, actions } : silence;
    known.set(actions, outcome);
  }
  return outcome;
}

/** Whether two outcomes count the same. */
export function countsAlike(one: Outcome, other: Outcome): boolean {
  return one.notifications === other.notifications && one.highlights === other.highlights;
}
