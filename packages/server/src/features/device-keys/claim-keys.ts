import * as federation from '@myelin/protocol/api/federation';
import { setOwn } from '@myelin/protocol/canonical-json';
import type { DeviceId, ServerName, UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Interner } from '../../platform/database/index.ts';
import { limitUnknownServers, type RemoteServers, type UnknownServersNeeds } from '../../remote-servers/index.ts';
import { askServers, byServer, type Failures } from './ask-servers.ts';
import type { WantedKey } from './one-time-keys/claim-queue.ts';
import type { OneTimeKeys } from './one-time-keys/one-time-keys.ts';

/** By user and device, the algorithm. */
export type WantedKeys = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
/** By user and device, keys by their names, as they came. */
type KeysByDevice = Record<string, Record<string, unknown>>;

export interface ClaimNeeds extends Pick<UnknownServersNeeds, 'limiters'> {
  readonly names: Interner;
  readonly serverName: ServerName;
  readonly clock: Clock;
  readonly remoteServers: Pick<RemoteServers, 'request'>;
  readonly oneTimeKeys: OneTimeKeys;
}

/**
 * Takes a key of each device: those of our own users from the database, others from their servers, all at the same time. Throws
 * M_LIMIT_EXCEEDED for too many servers that are unknown here.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysclaim
 */
export async function claimKeys(
  needs: ClaimNeeds,
  by: UserId,
  wanted: WantedKeys,
  timeoutMs: number,
): Promise<{ readonly failures: Failures; readonly keys: Record<string, KeysByDevice> }> {
  const servers = byServer(Object.entries(wanted));
  const own = servers.get(needs.serverName) ?? new Map();
  servers.delete(needs.serverName);
  await limitUnknownServers(
    needs,
    by,
    Array.from(servers.values()).flatMap((users) => [...users.keys()] as UserId[]),
  );
  const keys: Record<string, KeysByDevice> = {};
  const [ownKeys, failures] = await Promise.all([
    claimOwnKeys(needs, own),
    askServers(servers.keys(), { timeoutMs, now: () => needs.clock.monotonic() }, async (server, leftMs) => {
      const users = servers.get(server) ?? new Map();
      const answer = await needs.remoteServers.request(
        server,
        federation.claimUserEncryptionKeys,
        { body: { one_time_keys: Object.fromEntries(users) as Record<UserId, Record<string, string>> } },
        { timeoutMs: leftMs },
      );
      // A server speaks for its own users, and of what it was asked.
      for (const [userId, ofUser] of Object.entries(answer.one_time_keys)) {
        if (users.has(userId) && ofUser) keys[userId] = ofUser;
      }
    }),
  ]);
  return { failures, keys: { ...ownKeys, ...keys } };
}

/** The same for users of this server only; others are passed over. */
export async function claimOwnKeys(
  { names, oneTimeKeys }: Pick<ClaimNeeds, 'names' | 'oneTimeKeys'>,
  wanted: ReadonlyMap<string, Readonly<Record<string, string>> | undefined>,
): Promise<Record<string, KeysByDevice>> {
  const nids = await names.knownIdsOf(wanted.keys());
  const asked: (WantedKey & { readonly userId: string })[] = [];
  for (const [userId, userNid] of nids) {
    for (const [deviceId, algorithm] of Object.entries(wanted.get(userId) ?? {})) {
      asked.push({ userId, userNid, deviceId: deviceId as DeviceId, algorithm });
    }
  }
  const claimed = await oneTimeKeys.claim(asked);
  const keys: Record<string, KeysByDevice> = {};
  for (const [index, key] of claimed.entries()) {
    const want = asked[index];
    if (!key || !want) continue;
    const ofUser = (keys[want.userId] ??= {});
    setOwn(ofUser, want.deviceId, { [key.name]: JSON.parse(key.json) as unknown });
  }
  return keys;
}
