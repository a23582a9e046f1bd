import type { Random } from '../../platform/random.ts';

/** `federation.destination_*` of homeserver.yaml; times in milliseconds. */
export interface BackoffSettings {
  readonly minRetryInterval: number;
  readonly retryMultiplier: number;
  readonly maxRetryInterval: number;
}

/** What is known of how well a server can be reached; times in milliseconds since 1970. */
export interface Health {
  readonly lastSuccess: number | undefined;
  /** Undefined while it answers. */
  readonly failingSince: number | undefined;
  /** The pause after its latest failure; 0 while it answers. */
  readonly retryInterval: number;
  /** Before this it is not asked; undefined while it answers. */
  readonly retryAt: number | undefined;
}

export const UNKNOWN_HEALTH: Health = { lastSuccess: undefined, failingSince: undefined, retryInterval: 0, retryAt: undefined };

/** After a failure: the pause grows by the multiplier, a fifth more or less by chance so that servers do not come back all at once. */
export function afterFailure(health: Health, now: number, settings: BackoffSettings, random: Random): Health {
  const grown = health.retryInterval * settings.retryMultiplier;
  const plain = Math.min(settings.maxRetryInterval, Math.max(settings.minRetryInterval, grown));
  const jittered = Math.round((plain * random.integer(800, 1_200)) / 1_000);
  return {
    lastSuccess: health.lastSuccess,
    failingSince: health.failingSince ?? now,
    retryInterval: plain,
    retryAt: now + Math.min(settings.maxRetryInterval, jittered),
  };
}

/** After an answer: nothing of the failures is left. */
export function afterSuccess(now: number): Health {
  return { lastSuccess: now, failingSince: undefined, retryInterval: 0, retryAt: undefined };
}
