// npm run dev: two federating servers on this machine. Alice and Bob live on one, Carol on the other, and they talk in a room.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer, type StartedServer } from '@myelin/server/app';
import { loadConfig } from '@myelin/server/config';
import { createCertificateAuthority } from '@myelin/testing/network';

import { register, talkInARoom, type Home } from './dev/seed.ts';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const main = join(root, 'packages/server/src/main.ts');
const data = join(root, 'data', 'dev');
// Other servers come to the port in the name, with TLS; clients to the other one.
const servers = [
  { folder: 'hive', serverName: 'localhost:8118', tlsPort: 8118, port: 8108, people: ['alice', 'bob'] },
  { folder: 'nest', serverName: 'localhost:8119', tlsPort: 8119, port: 8109, people: ['carol'] },
] as const;
type Place = (typeof servers)[number];

mkdirSync(data, { recursive: true });
const authority = createCertificateAuthority('npm run dev');
const authorityFile = join(data, 'authority.pem');
writeFileSync(authorityFile, authority.certificate);

const running: StartedServer[] = [];
const homes: Home[] = [];
for (const place of servers) {
  const { config, warnings } = loadConfig(writeConfiguration(place));
  running.push(await startServer(config, { warnings }));
  const home = { baseUrl: `http://127.0.0.1:${place.port}`, serverName: place.serverName, people: place.people };
  homes.push(home);
  const people = await register(home);
  console.log(`\n${place.serverName} for clients at ${home.baseUrl} (data in ${relative(root, join(data, place.folder))})`);
  for (const { userId, password } of people) console.log(`  ${userId}  password: ${password}`);
}
const alias = await talkInARoom(homes);
console.log(`\nThey talk in ${alias}. Ctrl-C ends both servers. Remove data/dev to start anew.`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all(running.map((server) => server.stop())).then(() => process.exit(0));
  });
}

/** The files of a server's configuration; the general one is written when it starts for the first time. */
function writeConfiguration({ folder, serverName, tlsPort, port }: Place): string[] {
  const directory = join(data, folder);
  const general = join(directory, 'homeserver.yaml');
  const own = join(directory, 'dev.yaml');
  if (!existsSync(general)) {
    mkdirSync(directory, { recursive: true });
    const places = ['--config-directory', directory, '--data-directory', directory];
    const args = [main, '--generate-config', '-c', general, '-H', serverName, '--report-stats', 'no', ...places];
    const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`the configuration of ${serverName} could not be written to ${directory}`);
  }
  const { certificate, key } = authority.issue(['localhost']);
  writeFileSync(join(directory, 'tls.crt'), certificate);
  writeFileSync(join(directory, 'tls.key'), key, { mode: 0o600 });
  writeFileSync(
    own,
    `# Made by npm run dev: anybody on this machine may register, and servers of this machine may be talked to.
public_baseurl: http://127.0.0.1:${port}/
listeners:
  - { port: ${port}, type: http, bind_addresses: [127.0.0.1], resources: [{ names: [client] }] }
  - { port: ${tlsPort}, type: http, tls: true, bind_addresses: ['127.0.0.1', '::1'], resources: [{ names: [federation] }] }
tls_certificate_path: ${JSON.stringify(join(directory, 'tls.crt'))}
tls_private_key_path: ${JSON.stringify(join(directory, 'tls.key'))}
federation_custom_ca_list: [${JSON.stringify(authorityFile)}]
ip_range_blacklist: []
trusted_key_servers: []
enable_registration: true
enable_registration_without_verification: true
rc_registration: { per_second: 100, burst_count: 100 }
rc_login: { address: { per_second: 100, burst_count: 100 }, account: { per_second: 100, burst_count: 100 } }
`,
  );
  return [general, own];
}
