import type { SecureContext } from 'node:tls';

import type { Endpoint, ResponseOf } from '@myelin/protocol/api';
import type { ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { CacheBudget } from '../platform/cache/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Route, ServerAuthenticator } from '../platform/http/index.ts';
import type { Logger } from '../platform/observability/index.ts';
import {
  chooseProxy,
  createAddressPolicy,
  createOutgoingClient,
  createSystemResolver,
  createTrust,
  type OutgoingCounts,
  type Resolver,
  type StreamedAnswer,
} from '../platform/outgoing/index.ts';
import type { Random } from '../platform/random.ts';
import { createLimiter } from '../platform/rate-limits/index.ts';
import { createDiscovery, createWellKnown } from './discovery/index.ts';
import { createDestinationHealth, type DestinationHealth } from './health/index.ts';
import {
  createKeyRing,
  createKeySources,
  createNotary,
  createOwnKeys,
  type KeyRing,
  keyRoutes,
  type OwnKeys,
} from './keys/index.ts';
import { RemoteError } from './remote-error.ts';
import {
  answerFault,
  type CallInput,
  createFederationClient,
  type PlainCall,
  plainCall,
  type RequestOptions,
} from './requests/index.ts';
import { createServerAuthenticator } from './server-authenticator.ts';
import {
  backoffSettings,
  federatesWith,
  federationRanges,
  minimumTlsVersion,
  type RemoteServersConfig,
  requestSettings,
  trustedKeyServers,
  verifiesCertificateOf,
} from './settings.ts';

export interface RemoteServersNeeds {
  readonly config: RemoteServersConfig;
  readonly database: Database;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
  /** Of signing_key_path; the first signs. */
  readonly signingKeys: readonly [SigningKey, ...SigningKey[]];
  /** Of key_server_signing_keys_path, where it is set. */
  readonly keyServerKeys?: readonly SigningKey[];
  /** DNS; the machine's own unless given. */
  readonly resolver?: Resolver;
}

/** Other servers: finding them, asking them, knowing their keys, remembering how they are. */
export interface RemoteServers {
  /**
   * Calls an endpoint of another server, signed, and checks the answer against the contract. Rejects with a `RemoteError`. A server that
   * did not answer lately is not asked, unless `ignoreBackoff` says so.
   */
  request<const E extends Endpoint>(
    server: ServerName,
    contract: E,
    input: CallInput<E>,
    options?: RequestOptions,
  ): Promise<ResponseOf<E>>;
  /** The same without a contract: the JSON of the answer as it came. */
  ask(server: ServerName, call: PlainCall, options?: RequestOptions): Promise<unknown>;
  /** The same with the body of the answer as a stream. Destroy it when it is not read to its end. */
  stream(server: ServerName, call: PlainCall, options?: RequestOptions): Promise<StreamedAnswer>;
  readonly keys: KeyRing;
  readonly ownKeys: OwnKeys;
  readonly health: DestinationHealth;
  /** Whether `federation_domain_whitelist` lets this server have to do with that one. */
  federatesWith(server: ServerName): boolean;
  /** For the endpoints that only other servers may call. */
  readonly authenticator: ServerAuthenticator;
  /** `/_matrix/key/v2/*` */
  readonly routes: readonly Route[];
  /** How many requests were made and how many failed, by kind. */
  readonly counts: OutgoingCounts;
  /** Ends what is under way and writes down what is known. */
  stop(): Promise<void>;
}

/** Builds all that deals with single other servers. Throws where a file of `federation_custom_ca_list` cannot be read. */
export function createRemoteServers(needs: RemoteServersNeeds): RemoteServers {
  const { config, clock, random, logger, serverName, signingKeys } = needs;
  const resolver = needs.resolver ?? createSystemResolver(clock);
  const client = createOutgoingClient({
    clock,
    resolver,
    policy: createAddressPolicy(federationRanges(config)),
    secureContext: trustOf(config),
    proxyFor: chooseProxy(config),
    userAgent: `Myelin${config.user_agent_suffix === null ? '' : ` ${config.user_agent_suffix}`}`,
  });
  const health = createDestinationHealth({ ...needs, settings: backoffSettings(config) });
  const verifies = verifiesCertificateOf(config);
  const wellKnown = createWellKnown({ client, clock, random, verifiesCertificateOf: verifies });
  const discovery = createDiscovery({ resolver, wellKnown, clock, random });
  const federates = federatesWith(config);
  const federation = createFederationClient({
    serverName,
    signingKey: signingKeys[0],
    client,
    discovery,
    health,
    clock,
    random,
    settings: requestSettings(config),
    federatesWith: federates,
    verifiesCertificateOf: verifies,
  });
  const ownKeys = createOwnKeys({
    serverName,
    signingKeys,
    oldSigningKeys: config.old_signing_keys,
    validForMs: config.key_refresh_interval,
    clock,
  });
  const sources = createKeySources({
    client: federation,
    trustedKeyServers: trustedKeyServers(config).filter(({ server }) => server !== serverName),
    clock,
    logger,
    keysOf: (server) => keys.currentKeysOf(server),
  });
  const keys: KeyRing = createKeyRing({ ...needs, ownKeys, sources });
  const notary = createNotary({
    ...needs,
    ownKeys,
    ring: keys,
    signingKeys: needs.keyServerKeys ?? signingKeys,
    limiter: createLimiter(config.rc_key_queries, { clock }),
  });
  return {
    async request(server, contract, input, options) {
      const answer = await federation.json(server, plainCall(contract, input), options);
      const fault = answerFault(contract.response, answer);
      if (fault !== undefined) throw new RemoteError('bad-answer', `${server} answered ${contract.id} wrongly: ${fault}`);
      return answer as ResponseOf<typeof contract>;
    },
    ask: (server, call, options) => federation.json(server, call, options),
    stream: (server, call, options) => federation.stream(server, call, options),
    keys,
    ownKeys,
    health,
    federatesWith: federates,
    authenticator: createServerAuthenticator({
      serverName,
      verify: (check, options) => keys.verify(check, options),
      clock,
      federatesWith: federates,
      heardFrom: (server) => health.heardFrom(server),
    }),
    routes: keyRoutes({ ownKeys, notary, clock }),
    get counts() {
      return client.counts;
    },
    async stop() {
      await client.close();
      await health.settled();
    },
  };
}

/** The operator's own authorities are read at once, so that a wrong path is told at the start; the system's when they are needed. */
function trustOf(config: RemoteServersConfig): () => SecureContext {
  const make = (): SecureContext =>
    createTrust({ authorityFiles: config.federation_custom_ca_list, minimumTlsVersion: minimumTlsVersion(config) });
  let made = config.federation_custom_ca_list.length > 0 ? make() : undefined;
  return () => (made ??= make());
}
