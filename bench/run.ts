/** `npm run bench -- --help`: the same work against any homeserver, this checkout's Myelin unless told otherwise. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';

import { HttpLoad } from './load/http-load.ts';
import { World } from './load/world.ts';
import { helpText, readOptions, UsageError, type BenchOptions } from './options.ts';
import { jsonOf, tableOf, type Outcome, type ServerResult } from './report.ts';
import { fullSizes, NotHere, quickSizes, type Scenario, type Sizes, type Target } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { sqlite, startPostgres, type BenchDatabase } from './servers/bench-database.ts';
import { startMyelin } from './servers/myelin.ts';
import { remoteServer } from './servers/remote-server.ts';
import type { Server } from './servers/server.ts';
import { startSynapse } from './servers/synapse.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  const options = readOptions(process.argv.slice(2), scenarios);
  if (options.help) console.log(helpText(scenarios));
  else await bench(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function bench(options: BenchOptions): Promise<void> {
  const targets = await openTargets(options);
  const outcomes: Outcome[] = [];
  try {
    for (const scenario of options.scenarios) {
      const results: ServerResult[] = [];
      for (const target of targets) results.push(await resultOf(scenario, target, options.quick ? quickSizes : fullSizes));
      const outcome = { scenario: scenario.name, title: scenario.title, results };
      outcomes.push(outcome);
      console.log(tableOf(outcome));
    }
  } finally {
    for (const { http, server } of targets) {
      await http.close();
      await server.close();
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, jsonOf(outcomes));
}

async function openTargets(options: BenchOptions): Promise<Target[]> {
  const database = (): Promise<BenchDatabase> => (options.database === 'sqlite' ? Promise.resolve(sqlite) : startPostgres());
  const servers: Server[] = [
    options.url === undefined
      ? await startMyelin(await database(), options.cpuProfiles && resolve(options.cpuProfiles))
      : remoteServer(options.url, options.registrationSharedSecret, options.pid),
  ];
  if (options.synapse !== undefined) {
    const reason = await startSynapse(await database(), options.synapse).then(
      (server) => void servers.push(server),
      (error: Error) => error.message,
    );
    if (reason !== undefined) console.log(`Synapse is skipped: ${reason}`);
  }
  return servers.map((server) => {
    const http = new HttpLoad(server.url);
    return { server, http, world: new World(http, server.registrationSharedSecret) };
  });
}

async function resultOf(scenario: Scenario, target: Target, sizes: Sizes): Promise<ServerResult> {
  const server = target.server.name;
  // Some take a minute to fill their rooms.
  if (process.stderr.isTTY) process.stderr.write(`${scenario.name}, ${server} …\n`);
  try {
    return { server, measurements: await scenario.run(target, sizes) };
  } catch (error) {
    if (error instanceof NotHere) return { server, measurements: [], skipped: error.message };
    process.exitCode = 1;
    return { server, measurements: [], failed: inspect(error) };
  }
}
