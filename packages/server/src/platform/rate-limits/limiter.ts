import { limitExceeded } from '@myelin/protocol/errors';

import type { Clock } from '../clock.ts';

/** How often something may happen: `burstCount` times at once, then `perSecond` times a second. As Synapse's `rc_…` options. */
export interface Rate {
  readonly perSecond: number;
  readonly burstCount: number;
}

export interface Limiter {
  /** Counts `cost` actions of this key. Throws M_LIMIT_EXCEEDED, counting nothing, when they are too many. */
  limit(key: string, cost?: number): void;
  /** Throws as `limit` would, but counts nothing: for attempts of which only the failed ones count. */
  check(key: string, cost?: number): void;
  /** Counts, whether or not it is too many. */
  record(key: string, cost?: number): void;
}

export interface LimiterOptions {
  readonly clock: Clock;
  /** A rate of this key's own, as an administrator sets for a user; `perSecond` 0 lifts the limit. */
  readonly overrideFor?: (key: string) => Rate | undefined;
  /** How many keys are remembered; beyond that the one that waited longest is forgotten. */
  readonly maxKeys?: number;
}

const DEFAULT_MAX_KEYS = 100_000;
// A rate of 0 lets a burst through and then nothing, ever: a century for each action is near enough.
const SLOWEST_PER_SECOND = 1 / (100 * 365 * 24 * 3600);
// Of the keys that are idle this many are forgotten with each new one, so that memory follows what is in use.
const FORGOTTEN_PER_CALL = 2;

/**
 * A leaky bucket for each key. Of a bucket one number is kept, the moment at which it will be empty again, so that time alone
 * drains it.
 */
export function createLimiter(rate: Rate, options: LimiterOptions): Limiter {
  const { clock, overrideFor, maxKeys = DEFAULT_MAX_KEYS } = options;
  // In order of last use: the first keys are those that waited longest.
  const emptyAt = new Map<string, number>();

  const rateOf = (key: string): Rate | undefined => {
    const override = overrideFor?.(key);
    return override?.perSecond === 0 ? undefined : (override ?? rate);
  };
  const check = (key: string, cost = 1): void => {
    const { perSecond, burstCount } = rateOf(key) ?? { perSecond: Infinity, burstCount: Infinity };
    const msPerAction = 1000 / Math.max(perSecond, SLOWEST_PER_SECOND);
    const fillMs = Math.max(0, (emptyAt.get(key) ?? 0) - clock.monotonic());
    // Half a microsecond of tolerance: sums of fractions must not refuse what is due exactly now.
    const waitMs = fillMs + (cost - burstCount) * msPerAction;
    if (burstCount !== Infinity && waitMs > 0.0005) throw limitExceeded(waitMs);
  };
  const record = (key: string, cost = 1): void => {
    const own = rateOf(key);
    if (!own) return;
    const now = clock.monotonic();
    const msPerAction = 1000 / Math.max(own.perSecond, SLOWEST_PER_SECOND);
    const next = Math.max(emptyAt.get(key) ?? 0, now) + cost * msPerAction;
    emptyAt.delete(key);
    emptyAt.set(key, next);
    forgetIdle(now);
  };
  const forgetIdle = (now: number): void => {
    let left = FORGOTTEN_PER_CALL;
    for (const [key, moment] of emptyAt) {
      if (left-- === 0 || (moment > now && emptyAt.size <= maxKeys)) break;
      emptyAt.delete(key);
    }
  };
  return {
    check,
    record,
    limit: (key, cost = 1) => {
      check(key, cost);
      record(key, cost);
    },
  };
}

/** A limiter for each named rate: `createLimiters({ rc_message: … })` gives `{ rc_message: Limiter }`. */
export function createLimiters<Name extends string>(
  rates: Readonly<Record<Name, Rate>>,
  options: LimiterOptions,
): Readonly<Record<Name, Limiter>> {
  const entries = Object.entries<Rate>(rates).map(([name, rate]) => [name, createLimiter(rate, options)] as const);
  // The keys are those of `rates`; `fromEntries` forgets that.
  return Object.fromEntries(entries) as Record<Name, Limiter>;
}
