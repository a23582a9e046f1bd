import { hash as digest } from 'node:crypto';

import { unknownToken } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Caller, UserAuthenticator, UserRequester } from '../../platform/http/index.ts';
import type { Devices } from '../devices/index.ts';
import type { KnownToken, TokenCache } from './token-cache.ts';
import { keepGeneration, readOwner, type TokenOwner } from './tokens.store.ts';

interface AuthenticatorNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly cache: TokenCache;
  readonly devices: Devices;
}

/** How old a note of when a device was last seen may become while the device is in use. */
const seenEveryMs = 120_000;
/** The same for a device that moves between addresses. */
const movedEveryMs = 10_000;

/** Knows people by their access tokens; at once where the token was used before. */
export function createAuthenticator({ database, clock, cache, devices }: AuthenticatorNeeds): UserAuthenticator {
  const accept = (known: KnownToken, caller: Caller): UserRequester => {
    const now = clock.now();
    if (known.expiresTs !== undefined && known.expiresTs <= now) throw unknownToken({ softLogout: true });
    const age = now - known.seenTs;
    if (age >= seenEveryMs || (age >= movedEveryMs && known.seenIp !== caller.ip)) {
      known.seenTs = now;
      known.seenIp = caller.ip;
      const { deviceId } = known.requester;
      if (deviceId !== undefined) devices.seen(known.userNid, deviceId, { ts: now, ip: caller.ip, userAgent: caller.userAgent });
    }
    return known.requester;
  };

  const load = async (hash: string, caller: Caller): Promise<UserRequester | undefined> => {
    const before = cache.evictions;
    const owner = await readOwner(database, Buffer.from(hash, 'base64'));
    if (!owner) return undefined;
    const known: KnownToken = {
      requester: requesterOf(owner),
      userNid: owner.userNid,
      expiresTs: owner.expiresTs,
      seenTs: 0,
      seenIp: '',
    };
    const requester = accept(known, caller);
    // The client has received what its refresh token was traded for: now the old tokens may go.
    if (!owner.isUsed && owner.generation > 0) {
      await database.write((tx) => {
        keepGeneration(tx, owner, owner.generation);
        tx.onCommit(() => cache.forgetUser(owner.userNid));
      });
    } else if (cache.evictions === before) cache.set(hash, known);
    return requester;
  };

  return {
    authenticate(token, caller) {
      const hash = digest('sha256', token, 'base64');
      const known = cache.get(hash);
      return known ? accept(known, caller) : load(hash, caller);
    },
  };
}

function requesterOf(owner: TokenOwner): UserRequester {
  return {
    kind: 'user',
    userId: owner.userId,
    userNid: owner.userNid,
    ...(owner.deviceId !== undefined && { deviceId: owner.deviceId }),
    isGuest: owner.isGuest,
    isAdmin: owner.isAdmin,
    tokenId: owner.sessionId,
    locked: owner.isLocked,
    suspended: owner.isSuspended,
    shadowBanned: owner.isShadowBanned,
  };
}
