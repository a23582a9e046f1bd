import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, TestHomeserver, type TestHomeserverOptions } from '../homeserver/index.ts';
import { createCertificateAuthority, TestResolver } from '../network/index.ts';
import { SynapseServer } from './synapse-server.ts';

/** A Myelin and a Synapse that talk over TLS on the loopback address. */
export interface MyelinAndSynapse {
  readonly myelin: TestHomeserver;
  readonly synapse: SynapseServer;
  /** Ends both, and throws where Myelin has answered its clients what the spec does not allow. */
  stop(): Promise<void>;
}

/** Starts both with new databases; `python` is what `installedSynapse` gives. */
export async function startMyelinBesideSynapse(
  python: string,
  options: Omit<TestHomeserverOptions, 'resolver'> = {},
): Promise<MyelinAndSynapse> {
  const authority = createCertificateAuthority();
  const directory = await mkdtemp(join(tmpdir(), 'myelin-beside-synapse-'));
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const { certificate, key } = authority.issue(['localhost']);
  const port = await freePort();
  const listener = (names: string[], more: object): object => ({
    type: 'http',
    bind_addresses: ['127.0.0.1'],
    resources: [{ names }],
    ...more,
  });
  const config = {
    server_name: `localhost:${port}`,
    listeners: [listener(['client'], { port: 0 }), listener(['federation'], { port, tls: true })],
    tls_certificate_path: await file('tls.crt', certificate),
    tls_private_key_path: await file('tls.key', key),
    federation_custom_ca_list: [await file('authority.pem', authority.certificate)],
    ip_range_blacklist: [],
    rc_federation: { window_size: 1000, sleep_limit: 1_000_000, sleep_delay: 0, reject_limit: 1_000_000, concurrent: 100 },
    ...options.config,
  };
  const resolver = new TestResolver().host('localhost', '127.0.0.1');
  const started = await Promise.allSettled([
    TestHomeserver.start({ ...options, config, resolver }),
    SynapseServer.start(python, authority),
  ]);
  const stop = async (): Promise<void> => {
    const ends = await Promise.allSettled(
      started.flatMap((server) => (server.status === 'fulfilled' ? [server.value.stop()] : [])),
    );
    await rm(directory, { recursive: true, force: true });
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  const [myelin, synapse] = started;
  if (myelin.status === 'fulfilled' && synapse.status === 'fulfilled')
    return { myelin: myelin.value, synapse: synapse.value, stop };
  await stop();
  throw myelin.status === 'rejected' ? myelin.reason : (synapse as PromiseRejectedResult).reason;
}
