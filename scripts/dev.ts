// npm run dev: two servers on this machine, with alice, bob and carol and a room with some talk in it on each.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startServer, type StartedServer } from '@myelin/server/app';
import { loadConfig } from '@myelin/server/config';

import { seed } from './dev/seed.ts';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const main = join(root, 'packages/server/src/main.ts');
const servers = [
  { name: 'hive.localhost', port: 8108 },
  { name: 'nest.localhost', port: 8109 },
] as const;

const running: StartedServer[] = [];
for (const { name, port } of servers) {
  const directory = join(root, 'data', 'dev', name);
  const baseUrl = `http://127.0.0.1:${port}`;
  const { config, warnings } = loadConfig(writeConfiguration(directory, name, port));
  running.push(await startServer(config, { warnings }));
  const people = await seed(baseUrl, name);
  console.log(`\n${name} at ${baseUrl} (data in ${relative(root, directory)})`);
  for (const { userId, password } of people) console.log(`  ${userId}  password: ${password}`);
}
console.log('\nCtrl-C ends both. Remove data/dev to start anew.');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all(running.map((server) => server.stop())).then(() => process.exit(0));
  });
}

/** The files of a server's configuration, written when it starts for the first time. */
function writeConfiguration(directory: string, name: string, port: number): string[] {
  const general = join(directory, 'homeserver.yaml');
  const own = join(directory, 'dev.yaml');
  if (!existsSync(general)) {
    mkdirSync(directory, { recursive: true });
    const places = ['--config-directory', directory, '--data-directory', directory];
    const args = [main, '--generate-config', '-c', general, '-H', name, '--report-stats', 'no', ...places];
    const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) throw new Error(`the configuration of ${name} could not be written to ${directory}`);
  }
  writeFileSync(
    own,
    `# Made by npm run dev: anybody on this machine may register.
public_baseurl: http://127.0.0.1:${port}/
listeners:
  - { port: ${port}, type: http, bind_addresses: [127.0.0.1], resources: [{ names: [client, federation] }] }
enable_registration: true
enable_registration_without_verification: true
rc_registration: { per_second: 100, burst_count: 100 }
rc_login: { address: { per_second: 100, burst_count: 100 }, account: { per_second: 100, burst_count: 100 } }
`,
  );
  return [general, own];
}
