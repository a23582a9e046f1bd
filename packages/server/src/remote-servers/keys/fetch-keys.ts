import * as federation from '@myelin/protocol/api/federation';
import { isJsonObject, own } from '@myelin/protocol/canonical-json';
import type { KeyId, ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { RemoteError } from '../remote-error.ts';
import { type FederationClient, plainCall } from '../requests/index.ts';
import { isSignedByOneOf, type PublishedKeys, readPublishedKeys, type ServerKey } from './server-keys.ts';

/** The keys of one server that are looked for, each with the time until which it must be valid (0: ever was). */
export type WantedKeys = ReadonlyMap<KeyId, number>;

/** One of `trusted_key_servers`. */
export interface TrustedKeyServer {
  readonly server: ServerName;
  /** Its own keys, when they are known from elsewhere. */
  readonly verifyKeys: readonly Pick<ServerKey, 'keyId' | 'publicKey'>[] | undefined;
  /** Its signature is not looked at. */
  readonly acceptInsecurely: boolean;
}

export interface KeySourcesNeeds {
  readonly client: FederationClient;
  readonly trustedKeyServers: readonly TrustedKeyServer[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The keys of a key server, to check what it has signed. */
  readonly keysOf: (server: ServerName) => Promise<readonly ServerKey[]>;
}

export type FetchedKeys = PublishedKeys & { readonly firstHand: boolean };

/** The places where other servers' keys can be had. */
export interface KeySources {
  /** From the server itself; undefined where it does not answer, or with nonsense. */
  fromOrigin(server: ServerName, options?: { readonly justHeardFrom?: boolean }): Promise<FetchedKeys | undefined>;
  /** From the trusted key servers, all of them at once. */
  fromKeyServers(wanted: ReadonlyMap<ServerName, WantedKeys>): Promise<FetchedKeys[]>;
}

const ORIGIN_TIMEOUT_MS = 10_000;
const KEY_SERVER_TIMEOUT_MS = 20_000;
const MAX_ORIGIN_BYTES = 256 * 1024;
const MAX_KEY_SERVER_BYTES = 16 * 1024 * 1024;
const SERVERS_A_REQUEST = 100;

export function createKeySources({ client, trustedKeyServers, clock, logger, keysOf }: KeySourcesNeeds): KeySources {
  const askKeyServer = async (
    keyServer: TrustedKeyServer,
    wanted: ReadonlyMap<ServerName, WantedKeys>,
  ): Promise<FetchedKeys[]> => {
    const call = plainCall(federation.bulkPerspectivesKeyQuery, { body: { server_keys: criteria(wanted) } });
    const answer = await client.json(keyServer.server, call, {
      timeoutMs: KEY_SERVER_TIMEOUT_MS,
      maxBytes: MAX_KEY_SERVER_BYTES,
    });
    const list = isJsonObject(answer) ? own(answer, 'server_keys') : undefined;
    if (!Array.isArray(list)) return [];
    const believed = keyServer.acceptInsecurely ? undefined : (keyServer.verifyKeys ?? (await keysOf(keyServer.server)));
    const fetched: FetchedKeys[] = [];
    for (const object of list) {
      if (!isJsonObject(object)) continue;
      const keys = await readPublishedKeys(object, clock.now());
      // It may tell more than it was asked, but nobody asked for more.
      if (!keys || !wanted.has(keys.server)) continue;
      if (believed && !(await isSignedByOneOf(object, keyServer.server, believed))) {
        logger.warn({ keyServer: keyServer.server, server: keys.server }, 'a key server has not signed what it passed on');
        continue;
      }
      fetched.push({ ...keys, firstHand: false });
    }
    return fetched;
  };

  const orNothing = async <T>(server: ServerName, fetched: Promise<T>, nothing: T): Promise<T> => {
    try {
      return await fetched;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      logger.debug({ server, err: error }, 'keys could not be fetched');
      return nothing;
    }
  };

  return {
    async fromOrigin(server, { justHeardFrom = false } = {}) {
      const call = plainCall(federation.getServerKey, {});
      const options = { timeoutMs: ORIGIN_TIMEOUT_MS, maxBytes: MAX_ORIGIN_BYTES, ignoreBackoff: justHeardFrom };
      const answer = await orNothing(server, client.json(server, call, options), undefined);
      const keys = await readPublishedKeys(answer, clock.now());
      // A server speaks for itself only.
      return keys?.server === server ? { ...keys, firstHand: true } : undefined;
    },
    async fromKeyServers(wanted) {
      const entries = [...wanted];
      const batches: ReadonlyMap<ServerName, WantedKeys>[] = [];
      for (let at = 0; at < entries.length; at += SERVERS_A_REQUEST)
        batches.push(new Map(entries.slice(at, at + SERVERS_A_REQUEST)));
      const asked = trustedKeyServers.flatMap((keyServer) =>
        batches.map((batch) => {
          // What a key server says of itself proves nothing.
          const others = new Map([...batch].filter(([server]) => server !== keyServer.server));
          return others.size === 0 ? Promise.resolve([]) : orNothing(keyServer.server, askKeyServer(keyServer, others), []);
        }),
      );
      return (await Promise.all(asked)).flat();
    },
  };
}

function criteria(
  wanted: ReadonlyMap<ServerName, WantedKeys>,
): Record<string, Record<string, { minimum_valid_until_ts: number }>> {
  return Object.fromEntries(
    [...wanted].map(([server, keys]) => [
      server,
      Object.fromEntries([...keys].map(([keyId, minimum]) => [keyId, { minimum_valid_until_ts: minimum }])),
    ]),
  );
}
