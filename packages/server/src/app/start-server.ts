import { isServerName } from '@myelin/protocol/identifiers';

import { ConfigError, readCertificate, readLogConfig, readSigningKeys, type Config } from '../config/index.ts';
import { CacheBudget } from '../platform/cache/index.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { Interner } from '../platform/database/index.ts';
import { createHttpServer, healthRoute, type BoundAddress, type HttpSettings } from '../platform/http/index.ts';
import { createLogging, type Logging } from '../platform/observability/index.ts';
import type { Resolver } from '../platform/outgoing/index.ts';
import { systemRandom, type Random } from '../platform/random.ts';
import { Notifier } from '../platform/streams/index.ts';
import { createRemoteServers } from '../remote-servers/index.ts';
import { openRooms } from '../rooms/index.ts';
import { openConfiguredDatabase } from './database.ts';
import { buildFeatures } from './features.ts';
import { startJobs } from './jobs.ts';
import { limitersOf } from './limiters.ts';
import type { AppNeeds } from './needs.ts';

export interface StartOptions {
  /** What the operator should know of the configuration; it goes into the log. */
  readonly warnings?: readonly string[];
  readonly clock?: Clock;
  readonly random?: Random;
  /** Finds hosts by their names; the system's DNS unless given. */
  readonly resolver?: Resolver;
}

/** A server that runs. */
export interface StartedServer {
  /** Where it listens: URLs, or paths of UNIX sockets. */
  readonly addresses: readonly string[];
  /** Answers what is under way, writes what is to be written, closes everything. */
  stop(): Promise<void>;
  /** Opens log files anew and reads the log configuration and the certificate of TLS listeners again. */
  reload(): Promise<void>;
  /** What it was built from, for tests that look inside. */
  readonly needs: AppNeeds;
}

const maxJsonDepth = 100;
const graceMs = 10_000;

/**
 * Builds everything once, in order, and serves. Rejects with a `ConfigError` or one of the database's errors, each with a sentence for
 * the operator, with nothing left open.
 */
export async function startServer(config: Config, options: StartOptions = {}): Promise<StartedServer> {
  const clock = options.clock ?? systemClock;
  const logging = createLogging(config.log, clock);
  const opened: (() => Promise<void>)[] = [async () => logging.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.reverse()) await close();
  };
  try {
    for (const warning of options.warnings ?? []) logging.logger.warn(warning);
    const database = await openConfiguredDatabase(config);
    opened.push(() => database.close());
    const needs = await needsOf(config, { ...options, clock, logging, database });
    opened.push(() => needs.remoteServers.stop());
    const { features, routes, authenticators } = await buildFeatures(needs);
    opened.push(async () => {
      for (const feature of features) await feature.stop?.();
    });
    const jobs = startJobs(
      features.flatMap((feature) => feature.jobs ?? []),
      needs,
    );
    opened.push(() => jobs.stop());
    const http = createHttpServer({
      routes: [healthRoute, ...needs.remoteServers.routes, ...routes],
      authenticators: { ...authenticators, server: needs.remoteServers.authenticator },
      limiters: needs.limiters,
      logger: logging.named('myelin.http'),
      clock,
      settings: {
        listeners: config.listeners.filter(({ type }) => type === 'http'),
        ...certificateOf(config),
        maxBodyBytes: config.max_request_body_size,
        maxJsonDepth,
        accessTokenInQuery: true,
      },
    });
    const bound = await http.listen();
    opened.push(() => http.stop(graceMs));
    return {
      addresses: bound.map(addressText),
      stop: closeAll,
      reload: async () => {
        reloadLogging(config, logging);
        http.reloadCertificate();
      },
      needs,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function needsOf(
  config: Config,
  opened: Pick<AppNeeds, 'database' | 'clock'> & {
    readonly random?: Random;
    readonly resolver?: Resolver;
    readonly logging: Logging;
  },
): Promise<AppNeeds> {
  const { database, clock, logging, random = systemRandom } = opened;
  const serverName = config.server_name;
  if (!isServerName(serverName)) throw new ConfigError(`server_name: ${JSON.stringify(config.server_name)} is not a server name`);
  const signingKeys = readSigningKeys(config.signing_key_path);
  const [signingKey] = signingKeys;
  const caches = new CacheBudget(config.cache_memory);
  const names = new Interner(database, caches);
  const notifier = new Notifier();
  const remoteServers = createRemoteServers({
    config,
    database,
    caches,
    clock,
    random,
    logger: logging.named('myelin.remote-servers'),
    serverName,
    signingKeys,
    ...(config.key_server_signing_keys_path !== null && {
      keyServerKeys: readSigningKeys(config.key_server_signing_keys_path, 'key_server_signing_keys_path'),
    }),
    ...(opened.resolver && { resolver: opened.resolver }),
  });
  const rooms = await openRooms({
    database,
    names,
    notifier,
    caches,
    clock,
    random,
    logger: logging.named('myelin.rooms'),
    serverName,
    signingKey,
    publishedKeys: new Set(remoteServers.ownKeys.keys.map(({ keyId }) => keyId)),
  });
  const limiters = limitersOf(config, clock);
  return {
    config,
    database,
    names,
    notifier,
    caches,
    clock,
    random,
    logger: logging.logger,
    remoteServers,
    rooms,
    limiters,
    serverName,
    signingKey,
  };
}

function reloadLogging(config: Config, logging: Logging): void {
  logging.reopen();
  if (config.log_config !== null) logging.setLevels(readLogConfig(config.log_config).settings);
}

function certificateOf({ tls_certificate_path: chain, tls_private_key_path: key }: Config): Pick<HttpSettings, 'certificate'> {
  return chain === null || key === null ? {} : { certificate: () => readCertificate({ chain, key }) };
}

function addressText(address: BoundAddress): string {
  if (address.kind === 'unix') return address.path;
  const host = address.address.includes(':') ? `[${address.address}]` : address.address;
  return `${address.secure ? 'https' : 'http'}://${host}:${address.port}`;
}
