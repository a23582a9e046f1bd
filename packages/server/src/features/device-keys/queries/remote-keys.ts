import type { JsonObject } from '@myelin/protocol/events';
import type { DeviceId, UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../../platform/clock.ts';
import { byServer, type Failures } from '../ask-servers.ts';
import { usersPerPage, type WantedDevices } from './wanted.ts';

/** What other servers have told of their users' keys. Users of whom they know nothing are missing. */
export interface RemoteKeys {
  readonly devices: ReadonlyMap<UserId, Readonly<Record<string, JsonObject>>>;
  readonly master: ReadonlyMap<UserId, JsonObject>;
  readonly selfSigning: ReadonlyMap<UserId, JsonObject>;
  readonly failures: Failures;
}

/** Knows the keys of other servers' users, or asks for them. */
export interface RemoteDeviceLists {
  keysOf(wanted: WantedDevices, options: { readonly timeoutMs: number }): Promise<RemoteKeys>;
}

export interface RemoteKeysNeeds {
  readonly remoteLists: RemoteDeviceLists;
  readonly clock: Clock;
}

/** So many groups of users are asked for before they are read: servers that are slow are waited for side by side, and memory is spared. */
const groupsAtOnce = 8;

/**
 * The keys of users of other servers, some users at a time, those of one server one after another. All of the waiting together takes no
 * longer than `timeoutMs`; for what is left then, nobody is asked any more. That the keys are read slowly costs none of the time.
 */
export async function* remoteKeysInGroups(
  { remoteLists, clock }: RemoteKeysNeeds,
  wanted: WantedDevices,
  timeoutMs: number,
): AsyncGenerator<RemoteKeys> {
  const groups = groupsOf(wanted);
  const underWay: Promise<RemoteKeys>[] = [];
  let leftMs = timeoutMs;
  for (;;) {
    while (underWay.length < groupsAtOnce) {
      const group = groups.next();
      if (group.done) break;
      const asked = remoteLists.keysOf(group.value, { timeoutMs: Math.max(leftMs, 0) });
      // An error is thrown where the keys are awaited below; whoever has stopped reading by then does not need it.
      void Promise.allSettled([asked]);
      underWay.push(asked);
    }
    const next = underWay.shift();
    if (!next) return;
    const start = clock.monotonic();
    const keys = await next;
    leftMs -= clock.monotonic() - start;
    yield keys;
  }
}

function* groupsOf(wanted: WantedDevices): Generator<WantedDevices, undefined> {
  let group = new Map<UserId, readonly DeviceId[]>();
  for (const users of byServer(wanted).values()) {
    for (const [userId, deviceIds] of users) {
      group.set(userId as UserId, deviceIds);
      if (group.size < usersPerPage) continue;
      yield group;
      group = new Map();
    }
  }
  if (group.size > 0) yield group;
}
