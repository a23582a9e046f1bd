import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sqliteDatabases, type TestDatabases } from '../databases/index.ts';
import { freePort, ServerProcess, TestHomeserver, type TestHomeserverOptions } from '../homeserver/index.ts';
import { createCertificateAuthority, TestResolver } from '../network/index.ts';
import { Line } from './line.ts';
import { SynapseServer } from './synapse-server.ts';

/** A Myelin and a Synapse that talk over TLS on the loopback address. */
export interface MyelinAndSynapse<Myelin = TestHomeserver> {
  readonly myelin: Myelin;
  readonly synapse: SynapseServer;
  /** Neither reaches the other any more; their people still reach them. */
  cutOff(): Promise<void>;
  reconnect(): Promise<void>;
  /** Ends both, and throws where Myelin has answered its clients what the spec does not allow. */
  stop(): Promise<void>;
}

/** Starts both with new databases; `python` is what `installedSynapse` gives. */
export function startMyelinBesideSynapse(
  python: string,
  options: Omit<TestHomeserverOptions, 'resolver'> = {},
): Promise<MyelinAndSynapse> {
  const resolver = new TestResolver().host('localhost', '127.0.0.1');
  return startBeside(python, (config) => {
    const listeners = [clientListener, ...config.listeners];
    return TestHomeserver.start({ ...options, config: { ...config, listeners, ...options.config }, resolver });
  });
}

/** The same with Myelin in a process of its own, which can be killed. */
export function startProcessBesideSynapse(
  python: string,
  databases: TestDatabases = sqliteDatabases,
): Promise<MyelinAndSynapse<ServerProcess>> {
  return startBeside(python, (config) => ServerProcess.start(databases, config));
}

const listener = (names: string[], more: object): object => ({
  type: 'http',
  bind_addresses: ['127.0.0.1'],
  resources: [{ names }],
  ...more,
});
const clientListener = listener(['client'], { port: 0 });

async function startBeside<Myelin extends { stop(): Promise<void> }>(
  python: string,
  startMyelin: (config: Readonly<Record<string, unknown>> & { readonly listeners: readonly object[] }) => Promise<Myelin>,
): Promise<MyelinAndSynapse<Myelin>> {
  const authority = createCertificateAuthority();
  const directory = await mkdtemp(join(tmpdir(), 'myelin-beside-synapse-'));
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const { certificate, key } = authority.issue(['localhost']);
  const ports = { myelin: await freePort(), synapse: await freePort() };
  const [toMyelin, toSynapse] = [await Line.to(ports.myelin), await Line.to(ports.synapse)];
  const config = {
    server_name: `localhost:${toMyelin.port}`,
    listeners: [listener(['federation'], { port: ports.myelin, tls: true })],
    tls_certificate_path: await file('tls.crt', certificate),
    tls_private_key_path: await file('tls.key', key),
    allow_public_rooms_over_federation: true,
    room_list_publication_rules: [{ action: 'allow' }],
    federation_custom_ca_list: [await file('authority.pem', authority.certificate)],
    ip_range_blacklist: [],
    // A peer that was away is tried again soon.
    federation: {
      destination_min_retry_interval: '1s',
      destination_max_retry_interval: '2s',
      destination_retry_multiplier: 2,
    },
    rc_federation: { window_size: 1000, sleep_limit: 1_000_000, sleep_delay: 0, reject_limit: 1_000_000, concurrent: 100 },
  };
  const started = await Promise.allSettled([
    startMyelin(config),
    SynapseServer.start(python, authority, { name: `localhost:${toSynapse.port}`, federation: ports.synapse }),
  ]);
  const cutOff = async (): Promise<void> => {
    await Promise.all([toMyelin.cut(), toSynapse.cut()]);
  };
  const reconnect = async (): Promise<void> => {
    await Promise.all([toMyelin.mend(), toSynapse.mend()]);
  };
  const stop = async (): Promise<void> => {
    const ends = await Promise.allSettled(
      started.flatMap((server) => (server.status === 'fulfilled' ? [server.value.stop()] : [])),
    );
    await cutOff();
    await rm(directory, { recursive: true, force: true });
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  const [myelin, synapse] = started;
  if (myelin.status === 'fulfilled' && synapse.status === 'fulfilled')
    return { myelin: myelin.value, synapse: synapse.value, cutOff, reconnect, stop };
  await stop();
  throw myelin.status === 'rejected' ? myelin.reason : (synapse as PromiseRejectedResult).reason;
}
