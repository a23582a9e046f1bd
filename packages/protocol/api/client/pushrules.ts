import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

export const PushRuleKind = s.OneOf('override', 'underride', 'sender', 'room', 'content');

/** `"notify"`, or an object with `set_tweak`. */
export const PushRuleActions = Type.Array(Type.Union([Type.String(), s.JsonObject]));

/** The members beside `kind` depend on it. */
export const PushCondition = Type.Object({
  kind: Type.String(),
  key: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String()),
  is: Type.Optional(Type.String()),
  value: Type.Optional(Type.Union([Type.String(), Type.Integer(), Type.Boolean(), Type.Null()])),
});

/** https://spec.matrix.org/v1.19/client-server-api/#push-rules */
export const PushRule = Type.Object({
  rule_id: Type.String(),
  default: Type.Boolean(),
  enabled: Type.Boolean(),
  actions: PushRuleActions,
  conditions: Type.Optional(Type.Array(PushCondition)),
  pattern: Type.Optional(Type.String()),
});

const PushRuleset = Type.Object({
  override: Type.Array(PushRule),
  content: Type.Array(PushRule),
  room: Type.Array(PushRule),
  sender: Type.Array(PushRule),
  underride: Type.Array(PushRule),
});

const PushRuleParams = Type.Object({ kind: PushRuleKind, ruleId: Type.String({ minLength: 1 }) });

function unslashed(path: string): string[] {
  return ['v3', 'r0', 'unstable', 'api/v1'].map((version) => `/_matrix/client/${version}${path}`);
}

/**
 * All of the user's push rules.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrules
 */
export const getPushRules = endpoint({
  id: 'getPushRules',
  method: 'GET',
  ...clientPaths('oldest', '/pushrules/', unslashed('/pushrules')),
  auth: 'user',
  response: Type.Object({ global: PushRuleset }),
});

/**
 * The push rules of all the user's devices.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobal
 */
export const getPushRulesGlobal = endpoint({
  id: 'getPushRulesGlobal',
  method: 'GET',
  ...clientPaths('oldest', '/pushrules/global/', unslashed('/pushrules/global')),
  auth: 'user',
  response: PushRuleset,
});

/**
 * One push rule.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleid
 */
export const getPushRule = endpoint({
  id: 'getPushRule',
  method: 'GET',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  params: PushRuleParams,
  response: PushRule,
});

/**
 * Adds or changes a push rule.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
 */
export const setPushRule = endpoint({
  id: 'setPushRule',
  method: 'PUT',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  params: PushRuleParams,
  query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
  body: Type.Object({
    actions: PushRuleActions,
    conditions: Type.Optional(Type.Array(PushCondition)),
    pattern: Type.Optional(Type.String()),
  }),
  response: s.Empty,
});

/**
 * Removes a push rule of the user's own.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3pushrulesglobalkindruleid
 */
export const deletePushRule = endpoint({
  id: 'deletePushRule',
  method: 'DELETE',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId'),
  auth: 'user',
  params: PushRuleParams,
  response: s.Empty,
});

/**
 * Whether a push rule is in force.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidenabled
 */
export const isPushRuleEnabled = endpoint({
  id: 'isPushRuleEnabled',
  method: 'GET',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId/enabled'),
  auth: 'user',
  params: PushRuleParams,
  response: Type.Object({ enabled: Type.Boolean() }),
});

/**
 * Puts a push rule in force or out of it, default rules too.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidenabled
 */
export const setPushRuleEnabled = endpoint({
  id: 'setPushRuleEnabled',
  method: 'PUT',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId/enabled'),
  auth: 'user',
  params: PushRuleParams,
  body: Type.Object({ enabled: Type.Boolean() }),
  response: s.Empty,
});

/**
 * What a push rule does.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3pushrulesglobalkindruleidactions
 */
export const getPushRuleActions = endpoint({
  id: 'getPushRuleActions',
  method: 'GET',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId/actions'),
  auth: 'user',
  params: PushRuleParams,
  response: Type.Object({ actions: PushRuleActions }),
});

/**
 * Changes what a push rule does, default rules too.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleidactions
 */
export const setPushRuleActions = endpoint({
  id: 'setPushRuleActions',
  method: 'PUT',
  ...clientPaths('oldest', '/pushrules/global/:kind/:ruleId/actions'),
  auth: 'user',
  params: PushRuleParams,
  body: Type.Object({ actions: PushRuleActions }),
  response: s.Empty,
});
