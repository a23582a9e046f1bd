import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ServerName } from '@myelin/protocol/identifiers';
import { generateSigningKey } from '@myelin/protocol/signatures';
import { createCertificateAuthority, FakeServer, TestResolver } from '@myelin/testing/network';

import { CacheBudget } from '../platform/cache/index.ts';
import { createTestClock, systemClock, type TestClock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { silentLogger } from '../platform/observability/index.ts';
import { createSeededRandom } from '../platform/random.ts';
import { createRemoteServers, type RemoteServers } from './index.ts';
import type { RemoteServersConfig } from './settings.ts';

export const hive = 'hive.test' as ServerName;

/** The options as they are in a new configuration, without key servers, and open to the loopback address. */
const config: RemoteServersConfig = {
  old_signing_keys: {},
  key_refresh_interval: 86_400_000,
  trusted_key_servers: [],
  ip_range_blacklist: [],
  ip_range_whitelist: [],
  federation_ip_range_blacklist: null,
  federation_domain_denylist: [],
  federation_domain_whitelist: null,
  federation_verify_certificates: true,
  federation_certificate_verification_whitelist: [],
  federation_custom_ca_list: [],
  federation_client_minimum_tls_version: '1',
  federation: {
    client_timeout: 60_000,
    max_short_retry_delay: 2_000,
    max_long_retry_delay: 60_000,
    max_short_retries: 3,
    max_long_retries: 10,
    destination_min_retry_interval: 600_000,
    destination_retry_multiplier: 2,
    destination_max_retry_interval: 604_800_000,
  },
  http_proxy: null,
  https_proxy: null,
  no_proxy_hosts: [],
  rc_key_queries: { perSecond: 10, burstCount: 250 },
  user_agent_suffix: null,
};

/** The server `hive.test`, as far as it deals with others, in a world of servers that a test makes up. */
export interface World {
  readonly remote: RemoteServers;
  readonly clock: TestClock;
  readonly resolver: TestResolver;
  /** Another server, which is there at once. */
  server(name: string): Promise<FakeServer>;
  /** The same server on the same data with other settings. */
  reopen(changes?: Partial<RemoteServersConfig>): RemoteServers;
  end(): Promise<void>;
}

export function openWorld(database: Database, changes: Partial<RemoteServersConfig> = {}): World {
  const authority = createCertificateAuthority();
  const resolver = new TestResolver();
  const clock = createTestClock(systemClock.now());
  const directory = mkdtempSync(join(tmpdir(), 'myelin-remote-servers-'));
  const authorityFile = join(directory, 'authority.pem');
  writeFileSync(authorityFile, authority.certificate);
  const fakes: FakeServer[] = [];
  const opened: RemoteServers[] = [];
  const open = (more: Partial<RemoteServersConfig> = {}): RemoteServers => {
    const remote = createRemoteServers({
      config: { ...config, federation_custom_ca_list: [authorityFile], ...changes, ...more },
      database,
      caches: new CacheBudget(1_000_000),
      clock,
      random: createSeededRandom(1),
      logger: silentLogger,
      serverName: hive,
      signingKeys: [generateSigningKey(hash('sha256', hive, 'buffer'))],
      resolver,
    });
    opened.push(remote);
    return remote;
  };
  return {
    remote: open(),
    clock,
    resolver,
    async server(name) {
      const fake = await FakeServer.start(name, { resolver, authority });
      fakes.push(fake);
      return fake;
    },
    reopen: open,
    async end() {
      for (const remote of opened) await remote.stop();
      for (const fake of fakes) await fake.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a story in a world of its own. */
export async function inWorld(
  database: Database,
  story: (world: World) => Promise<void>,
  changes?: Partial<RemoteServersConfig>,
): Promise<void> {
  const world = openWorld(database, changes);
  try {
    await story(world);
  } finally {
    await world.end();
  }
}
