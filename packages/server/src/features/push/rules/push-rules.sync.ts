import { effectiveRuleset } from '@myelin/protocol/push-rules';

import type { SyncSource, Viewer } from '../../../rooms/index.ts';
import type { PushRules } from './push-rules.ts';

/** The user's push rules as `m.push_rules` of the account data; https://spec.matrix.org/v1.19/client-server-api/#push-rules-events */
export function pushRulesSyncSource(rules: PushRules): SyncSource {
  return {
    name: 'push rules',
    stream: 'push_rules',
    now: () => rules.stream.now,
    everything: async ({ viewer }) => ({ accountData: [await pushRulesEvent(rules, viewer)] }),
    changes: async ({ viewer }, since) => {
      if (!rules.recent.mayHaveChanged(viewer.userNid, since)) return {};
      if (!rules.recent.covers(since) && (await rules.lastChange(viewer.userNid)) <= since) return {};
      // The newest rules, though they may be ahead of the answer's position: the client then hears them twice.
      return { accountData: [await pushRulesEvent(rules, viewer)] };
    },
  };
}

async function pushRulesEvent(rules: PushRules, { userNid, userId }: Pick<Viewer, 'userNid' | 'userId'>): Promise<string> {
  const content = { global: effectiveRuleset(await rules.of(userNid), userId) };
  return JSON.stringify({ type: 'm.push_rules', content });
}
