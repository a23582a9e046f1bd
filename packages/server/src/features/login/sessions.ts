import { hash as digest } from 'node:crypto';

import { unknownToken, userLocked } from '@myelin/protocol/errors';
import type { DeviceId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, InteractiveTx } from '../../platform/database/index.ts';
import type { UserAuthenticator, UserRequester } from '../../platform/http/index.ts';
import type { Random } from '../../platform/random.ts';
import { type AccountIdentity, identityOf, type ManagedAccounts, readAccount } from '../account/index.ts';
import type { Devices } from '../devices/index.ts';
import { createAuthenticator } from './authenticator.ts';
import { TokenCache } from './token-cache.ts';
import {
  deleteTokensOfDevices,
  deleteTokensOfSession,
  deleteTokensWithoutDevice,
  insertAccessToken,
  insertRefreshToken,
  keepGeneration,
  readRefreshToken,
  readSession,
  updateProved,
} from './tokens.store.ts';

/** What a client needs in order to come back. */
export interface IssuedTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** Milliseconds until the access token ends. */
  readonly expiresInMs?: number;
}

/** A device that wants to be logged in. */
export interface NewSession {
  /** One that is there already loses the tokens it had; without it a new one is made. */
  readonly deviceId?: DeviceId;
  readonly displayName?: string;
  /** The client can refresh its token. */
  readonly refreshable?: boolean;
}

/** Who is logged in, and by what. https://spec.matrix.org/v1.19/client-server-api/#client-authentication */
export interface Sessions {
  readonly authenticator: UserAuthenticator;
  open(account: AccountIdentity, session: NewSession): Promise<IssuedTokens & { readonly deviceId: DeviceId }>;
  /** Trades a refresh token. Throws M_UNKNOWN_TOKEN, M_USER_LOCKED. */
  refresh(refreshToken: string): Promise<IssuedTokens>;
  /** Logs out what makes this request, and deletes its device. */
  end(requester: UserRequester): Promise<void>;
  /** Logs a user out everywhere, but for one device. */
  endAllIn(tx: InteractiveTx, user: AccountIdentity, except?: DeviceId): Promise<void>;
  /** When the user last proved to be themselves in this session, milliseconds since 1970. */
  lastProvedTs(requester: UserRequester): Promise<number | undefined>;
  proved(requester: UserRequester): Promise<void>;
}

export interface SessionsNeeds {
  readonly config: Pick<
    Config,
    'session_lifetime' | 'refreshable_access_token_lifetime' | 'refresh_token_lifetime' | 'nonrefreshable_access_token_lifetime'
  >;
  readonly database: Database;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly accounts: ManagedAccounts;
  readonly devices: Devices;
}

const tokenLength = 40;
const sessionIdLength = 16;
const deviceIdLength = 10;

/** How a token stands in the database. */
export function tokenHashOf(token: string): Uint8Array {
  return digest('sha256', token, 'buffer');
}

/** Opens the sessions of this server's users. */
export function openSessions(needs: SessionsNeeds): Sessions {
  const { config, database, clock, random, devices, accounts } = needs;
  const cache = new TokenCache(needs.caches);
  accounts.onChanged(({ userNid }) => cache.forgetUser(userNid));
  devices.onDeleted((tx, { user, deviceIds }) => {
    deleteTokensOfDevices(tx, user.userNid, deviceIds);
    tx.onCommit(() => cache.forgetUser(user.userNid));
  });

  /** New tokens, the moments at which they end, and what the client is told of them. */
  const makeTokens = (now: number, sessionExpiresTs: number | null, refreshable: boolean) => {
    const accessLifetime = refreshable ? config.refreshable_access_token_lifetime : config.nonrefreshable_access_token_lifetime;
    const expiresTs = earliest(accessLifetime === null ? null : now + accessLifetime, sessionExpiresTs);
    const refreshLifetime = config.refresh_token_lifetime;
    const refreshExpiresTs = earliest(refreshLifetime === null ? null : now + refreshLifetime, sessionExpiresTs);
    const issued: IssuedTokens = {
      // The prefixes tell scanners for leaked secrets what they have found.
      accessToken: `mya_${random.token(tokenLength)}`,
      ...(refreshable && { refreshToken: `myr_${random.token(tokenLength)}` }),
      ...(expiresTs !== null && { expiresInMs: expiresTs - now }),
    };
    return { issued, expiresTs, refreshExpiresTs };
  };

  return {
    authenticator: createAuthenticator({ database, clock, cache, devices }),

    async open({ userNid }, session) {
      const now = clock.now();
      const deviceId = session.deviceId ?? (random.token(deviceIdLength).toUpperCase() as DeviceId);
      const refreshable = (session.refreshable ?? false) && config.refreshable_access_token_lifetime !== null;
      const sessionExpiresTs = config.session_lifetime === null ? null : now + config.session_lifetime;
      const { issued, expiresTs, refreshExpiresTs } = makeTokens(now, sessionExpiresTs, refreshable);
      const common = { userNid, deviceId, sessionId: random.token(sessionIdLength), generation: 0 };
      await database.write((tx) => {
        devices.putIn(tx, {
          userNid,
          deviceId,
          ...(session.displayName !== undefined && { displayName: session.displayName }),
        });
        if (session.deviceId !== undefined) {
          deleteTokensOfDevices(tx, userNid, [deviceId]);
          tx.onCommit(() => cache.forgetUser(userNid));
        }
        insertAccessToken(tx, {
          ...common,
          hash: tokenHashOf(issued.accessToken),
          createdTs: now,
          provedTs: now,
          ...(expiresTs !== null && { expiresTs }),
        });
        if (issued.refreshToken === undefined) return;
        insertRefreshToken(tx, {
          ...common,
          hash: tokenHashOf(issued.refreshToken),
          ...(refreshExpiresTs !== null && { expiresTs: refreshExpiresTs }),
          ...(sessionExpiresTs !== null && { sessionExpiresTs }),
        });
      });
      return { ...issued, deviceId };
    },

    async refresh(refreshToken) {
      const now = clock.now();
      return database.transaction(async (tx) => {
        const old = await readRefreshToken(tx, tokenHashOf(refreshToken));
        if (!old) throw unknownToken();
        if (old.expiresTs !== undefined && old.expiresTs <= now) throw unknownToken({ softLogout: true });
        const account = await readAccount(tx, old.userNid);
        if (!account || account.isDeactivated) throw unknownToken();
        if (account.isLocked) throw userLocked();
        const sessionExpiresTs = old.sessionExpiresTs ?? null;
        const { issued, expiresTs, refreshExpiresTs } = makeTokens(now, sessionExpiresTs, true);
        const session = await readSession(tx, old.userNid, old.sessionId);
        // To use a refresh token is to have received its generation: what was before it ends, and what an earlier use of it made, which
        // the client cannot have received.
        keepGeneration(tx, old, old.generation);
        tx.onCommit(() => cache.forgetUser(old.userNid));
        const common = {
          userNid: old.userNid,
          deviceId: old.deviceId,
          sessionId: old.sessionId,
          generation: old.generation + 1,
        };
        insertAccessToken(tx, {
          ...common,
          hash: tokenHashOf(issued.accessToken),
          createdTs: now,
          ...(expiresTs !== null && { expiresTs }),
          ...(session?.provedTs !== undefined && { provedTs: session.provedTs }),
        });
        insertRefreshToken(tx, {
          ...common,
          hash: tokenHashOf(issued.refreshToken ?? ''),
          ...(refreshExpiresTs !== null && { expiresTs: refreshExpiresTs }),
          ...(sessionExpiresTs !== null && { sessionExpiresTs }),
        });
        return issued;
      });
    },

    async end(requester) {
      const user = identityOf(requester);
      if (requester.deviceId !== undefined) return devices.delete(user, [requester.deviceId]);
      await database.write((tx) => {
        deleteTokensOfSession(tx, user.userNid, requester.tokenId);
        tx.onCommit(() => cache.forgetUser(user.userNid));
      });
    },

    async endAllIn(tx, user, except) {
      await devices.deleteAllIn(tx, user, except);
      deleteTokensWithoutDevice(tx, user.userNid);
      tx.onCommit(() => cache.forgetUser(user.userNid));
    },

    async lastProvedTs(requester) {
      return (await readSession(database, identityOf(requester).userNid, requester.tokenId))?.provedTs;
    },
    proved: (requester) =>
      database.write((tx) => updateProved(tx, identityOf(requester).userNid, requester.tokenId, clock.now())),
  };
}

function earliest(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
