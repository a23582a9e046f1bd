import * as client from '@myelin/protocol/api/client';
import { notFound } from '@myelin/protocol/errors';
import {
  deletePushRule,
  effectiveRuleset,
  findPushRule,
  putPushRule,
  setPushRuleActions,
  setPushRuleEnabled,
  type PushRule,
  type PushRuleName,
} from '@myelin/protocol/push-rules';

import { rawJson, route, type Route, type UserRequester } from '../../../platform/http/index.ts';
import { viewerOf } from '../../../rooms/index.ts';
import type { PushRules } from './push-rules.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#push-rules-api */
export function pushRulesRoutes(rules: PushRules): Route[] {
  const ruleset = async (requester: UserRequester) => {
    const { userNid, userId } = viewerOf(requester);
    return effectiveRuleset(await rules.of(userNid), userId);
  };
  const rule = async (requester: UserRequester, { kind, ruleId }: PushRuleName): Promise<PushRule> => {
    const { userNid, userId } = viewerOf(requester);
    const found = findPushRule(await rules.of(userNid), userId, kind, ruleId);
    if (!found) throw notFound('Push rule not found');
    return found;
  };
  const change = async (requester: UserRequester, work: Parameters<PushRules['change']>[1]): Promise<Record<string, never>> => {
    await rules.change(viewerOf(requester).userNid, work);
    return {};
  };
  return [
    // The rules are read-only values all the way down, which the contract's types do not say: they go out as text.
    route(client.getPushRules, async ({ requester }) => rawJson(JSON.stringify({ global: await ruleset(requester) }))),
    route(client.getPushRulesGlobal, async ({ requester }) => rawJson(JSON.stringify(await ruleset(requester)))),
    route(client.getPushRule, async ({ requester, params }) => rawJson(JSON.stringify(await rule(requester, params)))),
    route(client.setPushRule, ({ requester, params, query, body }) =>
      change(requester, (before) =>
        putPushRule(
          before,
          params,
          {
            actions: body.actions,
            ...(body.conditions && { conditions: body.conditions }),
            ...(body.pattern !== undefined && { pattern: body.pattern }),
          },
          query,
        ),
      ),
    ),
    route(client.deletePushRule, ({ requester, params }) => change(requester, (before) => deletePushRule(before, params))),
    route(client.isPushRuleEnabled, async ({ requester, params }) => ({ enabled: (await rule(requester, params)).enabled })),
    route(client.setPushRuleEnabled, ({ requester, params, body }) =>
      change(requester, (before) => setPushRuleEnabled(before, params, body.enabled)),
    ),
    route(client.getPushRuleActions, async ({ requester, params }) =>
      rawJson(JSON.stringify({ actions: (await rule(requester, params)).actions })),
    ),
    route(client.setPushRuleActions, ({ requester, params, body }) =>
      change(requester, (before) => setPushRuleActions(before, params, body.actions)),
    ),
  ];
}
