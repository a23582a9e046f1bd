/** https://spec.matrix.org/v1.19/client-server-api/#presence */
export type PresenceState = 'online' | 'unavailable' | 'offline';

/** After how long what changes; `presence` in homeserver.yaml. All in milliseconds. */
export interface PresenceTimers {
  /** Without a sign of life from the user: away. */
  readonly idleMs: number;
  /** Without a sign of life: no longer active at this very moment. */
  readonly activeMs: number;
  /** Without a sync or a sign of life: gone. */
  readonly goneMs: number;
}

/** One of a user's clients that is there. */
export interface ClientPresence {
  readonly state: 'online' | 'unavailable';
  /** In milliseconds since 1970: then it is gone, unless it is heard of again. */
  readonly thereUntil: number;
}

/** What is known of a user. */
export interface UserFacts {
  readonly clients: Iterable<ClientPresence>;
  /** The last sign of life, in milliseconds since 1970; 0 for never. */
  readonly lastActiveTs: number;
}

/** What others are told of a user. */
export interface Verdict {
  readonly state: PresenceState;
  /** Of the last sign of life nothing more is told while this is so. */
  readonly currentlyActive: boolean;
}

/** A user's presence at a moment: that of the client that is most there. */
export function presenceAt(user: UserFacts, now: number, timers: PresenceTimers): Verdict {
  let state: PresenceState = 'offline';
  for (const client of user.clients) {
    if (!isThere(client, user, now, timers)) continue;
    if (client.state === 'online') state = 'online';
    else if (state === 'offline') state = 'unavailable';
  }
  const quietMs = now - user.lastActiveTs;
  if (state === 'online' && quietMs >= timers.idleMs) state = 'unavailable';
  return { state, currentlyActive: state === 'online' && quietMs < timers.activeMs };
}

/** When time alone may change the verdict next; undefined for users who are gone. */
export function nextChange(user: UserFacts, now: number, timers: PresenceTimers): number | undefined {
  const { lastActiveTs } = user;
  let next = Infinity;
  let isAnyThere = false;
  for (const client of user.clients) {
    if (!isThere(client, user, now, timers)) continue;
    isAnyThere = true;
    next = Math.min(next, endOf(client, user, timers));
  }
  if (!isAnyThere) return undefined;
  for (const moment of [lastActiveTs + timers.idleMs, lastActiveTs + timers.activeMs]) {
    if (moment > now) next = Math.min(next, moment);
  }
  return next;
}

/** Who has just done something is not gone, whether their client syncs or not. */
function endOf(client: ClientPresence, user: UserFacts, timers: PresenceTimers): number {
  return client.state === 'online' ? Math.max(client.thereUntil, user.lastActiveTs + timers.goneMs) : client.thereUntil;
}

function isThere(client: ClientPresence, user: UserFacts, now: number, timers: PresenceTimers): boolean {
  return endOf(client, user, timers) > now;
}
