import type { UserId } from '@myelin/protocol/identifiers';

import type { Viewer } from '../../rooms/index.ts';
import type { ClientPresence, PresenceTimers, Verdict } from './presence-rules.ts';
import type { StoredPresence } from './presence.store.ts';

/** Stands for whatever client was there when the server ended. No device has such an id. */
export const beforeRestart = '\0';

/** A user in memory. */
export interface LiveUser {
  readonly userNid: number;
  readonly userId: UserId;
  readonly clients: Map<string, ClientPresence>;
  /** For a user of another server: until when we believe what it said, in milliseconds since 1970; undefined for our own. */
  believedUntil: number | undefined;
  lastActiveTs: number;
  statusMsg: string | undefined;
  /** What others were told last. */
  told: Verdict & { readonly statusMsg: string | undefined };
  position: number;
}

/** A user's clients are told apart by their devices; those without share one. */
export function clientOf(viewer: Viewer): string {
  return viewer.deviceId ?? '';
}

/** A user who comes into memory, as they were left. */
export function newUser(userNid: number, userId: UserId, stored: StoredPresence | undefined): LiveUser {
  return {
    userNid,
    userId,
    clients: new Map(),
    believedUntil: undefined,
    lastActiveTs: stored?.lastActiveTs ?? 0,
    statusMsg: stored?.statusMsg,
    told: { state: stored?.state ?? 'offline', currentlyActive: false, statusMsg: stored?.statusMsg },
    position: stored?.position ?? 0,
  };
}

/** What is written down of a user. */
export function storedOf({ userNid, position, told, lastActiveTs }: LiveUser): StoredPresence {
  return { userNid, position, state: told.state, lastActiveTs, statusMsg: told.statusMsg };
}

/** A user who was there when the server ended: for a while that is taken to be so still. */
export function revivedUser(userId: UserId, stored: StoredPresence, now: number, timers: PresenceTimers): LiveUser {
  const user = newUser(stored.userNid, userId, stored);
  // Who was away because nothing was heard of them is back as soon as something is.
  const isIdle = now - stored.lastActiveTs >= timers.idleMs;
  const state = stored.state === 'online' || isIdle ? 'online' : 'unavailable';
  user.clients.set(beforeRestart, { state, thereUntil: now + timers.goneMs });
  return user;
}
