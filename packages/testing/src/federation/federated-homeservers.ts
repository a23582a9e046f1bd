import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { TestHomeserver, type TestHomeserverOptions } from '../homeserver/test-homeserver.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  startTlsSite,
  TestResolver,
  type TlsSite,
} from '../network/index.ts';

/** Homeservers in this process that find each other by name and talk over TLS on the loopback address. */
export interface FederatedHomeservers {
  /** In the order of their names. */
  readonly homeservers: readonly TestHomeserver[];
  readonly resolver: TestResolver;
  /** Whom all of them believe. */
  readonly authority: CertificateAuthority;
  /** One by its name, `hive.example`. */
  named(serverName: string): TestHomeserver;
  /** Nobody reaches it any more; its own people still do. */
  cutOff(serverName: string): Promise<void>;
  /** It can be reached again. */
  reconnect(serverName: string): Promise<void>;
  /** From now on it takes so long, in milliseconds, before other servers' requests reach it. */
  slowDown(serverName: string, delayMs: number): void;
  /** Ends all of them, and throws where one has answered what the spec does not allow. */
  stop(): Promise<void>;
}

const unlimited = { window_size: 1000, sleep_limit: 1_000_000, sleep_delay: 0, reject_limit: 1_000_000, concurrent: 100 };

/**
 * Starts a homeserver for each name. Names are looked up in `resolver`, which knows all of them: each has an SRV record that leads to a
 * proxy with a certificate of the test's own authority.
 */
export async function startFederation(
  serverNames: readonly string[],
  options: Omit<TestHomeserverOptions, 'resolver'> = {},
): Promise<FederatedHomeservers> {
  const authority = createCertificateAuthority();
  const resolver = new TestResolver();
  const directory = await mkdtemp(join(tmpdir(), 'myelin-federation-'));
  const authorityFile = join(directory, 'authority.pem');
  await writeFile(authorityFile, authority.certificate);
  const homeservers = new Map<string, TestHomeserver>();
  const sites = new Map<string, TlsSite>();
  const delays = new Map<string, number>();

  const open = async (name: string): Promise<void> => {
    const site = await startTlsSite(authority.issue([name]), (incoming, outgoing) => {
      const arrive = (): void => {
        const homeserver = homeservers.get(name);
        if (homeserver?.isRunning) passOn(homeserver, incoming, outgoing);
        else outgoing.destroy();
      };
      const delayMs = delays.get(name) ?? 0;
      if (delayMs > 0) setTimeout(arrive, delayMs);
      else arrive();
    });
    sites.set(name, site);
    resolver.host(name, site.address).service(`_matrix-fed._tcp.${name}`, { name, port: site.port });
  };
  const stop = async (): Promise<void> => {
    const ends = await Promise.allSettled([...homeservers.values()].map((homeserver) => homeserver.stop()));
    await Promise.all([...sites.values()].map((site) => site.close()));
    await rm(directory, { recursive: true, force: true });
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };

  try {
    for (const name of serverNames) {
      await open(name);
      const config = {
        server_name: name,
        federation_custom_ca_list: [authorityFile],
        ip_range_blacklist: [],
        trusted_key_servers: [],
        rc_federation: unlimited,
        ...options.config,
      };
      homeservers.set(name, await TestHomeserver.start({ ...options, config, resolver }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    homeservers: [...homeservers.values()],
    resolver,
    authority,
    named(name) {
      const found = homeservers.get(name);
      if (!found) throw new Error(`there is no server ${name}`);
      return found;
    },
    async cutOff(name) {
      await sites.get(name)?.close();
      sites.delete(name);
    },
    async reconnect(name) {
      if (!sites.has(name)) await open(name);
    },
    slowDown: (name, delayMs) => void delays.set(name, delayMs),
    stop,
  };
}

/** What a reverse proxy does: TLS ends here. */
function passOn(homeserver: TestHomeserver, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url, headers } = incoming;
  const target = new URL(url ?? '/', homeserver.baseUrl);
  const forwarded = request(target, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}
