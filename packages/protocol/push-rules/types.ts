import type { Json } from '../events/pdu.ts';

/** The kinds of rule in the order in which they are checked; https://spec.matrix.org/v1.19/client-server-api/#push-rules */
export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const;
export type PushRuleKind = (typeof pushRuleKinds)[number];

/** Sets an entry of the `tweaks` of a notification; a `highlight` without value means true. */
export interface SetTweak {
  readonly set_tweak: string;
  readonly value?: Json;
}

/** https://spec.matrix.org/v1.19/client-server-api/#actions */
export type PushAction = 'notify' | SetTweak;

/** The members that count depend on `kind`; https://spec.matrix.org/v1.19/client-server-api/#conditions-1 */
export interface PushCondition {
  readonly kind: string;
  readonly key?: string;
  readonly pattern?: string;
  readonly is?: string;
  readonly value?: Json;
}

/** A rule as clients see it. */
export interface PushRule {
  readonly rule_id: string;
  /** One of the server's own rules. */
  readonly default: boolean;
  readonly enabled: boolean;
  readonly actions: readonly PushAction[];
  /** Of `override` and `underride` rules. */
  readonly conditions?: readonly PushCondition[];
  /** Of `content` rules. */
  readonly pattern?: string;
}

/** Rules by kind, the most important first: `global` of `m.push_rules`. */
export type PushRuleset = Readonly<Record<PushRuleKind, readonly PushRule[]>>;

/** What a user changed about one of the server's rules. */
export interface DefaultRuleChange {
  readonly enabled?: boolean;
  readonly actions?: readonly PushAction[];
}

/**
 * What a user made of their push rules, to be stored: rules of their own, and changes to the server's. Never changed in place:
 * compiled rules are remembered by it.
 */
export interface UserPushRules {
  readonly own: PushRuleset;
  readonly changes: Readonly<Record<string, DefaultRuleChange>>;
}

/** Somebody who never touched their rules. */
export const untouchedPushRules: UserPushRules = {
  own: { override: [], content: [], room: [], sender: [], underride: [] },
  changes: {},
};
