/**
 * What the network of servers costs: joins of large rooms, state resolution, events that come in from many servers, and whether one
 * flooded room is felt in the others. Myelin runs in a process of its own, the servers that it talks to are fakes in this one.
 * Run: `node scripts/run.mjs bench/federation.ts [--only joins,forks,inbound,flood] [--large]` (each a few seconds, SQLite, durable).
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

import { measureFlood } from './federation/flood.ts';
import { measureForks } from './federation/forks.ts';
import { measureInbound } from './federation/inbound.ts';
import { measureJoins, type Row } from './federation/joins.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, large: { type: 'boolean', default: false } } });
const scenarios: Record<string, () => Row[] | Promise<Row[]>> = {
  joins: () => measureJoins([1_000, 10_000, ...(values.large ? [50_000] : [])]),
  forks: measureForks,
  inbound: measureInbound,
  flood: measureFlood,
};
const chosen = values.only?.split(',') ?? Object.keys(scenarios);
const unknown = chosen.filter((name) => !Object.hasOwn(scenarios, name));
if (unknown.length > 0) {
  console.error(`--only knows ${Object.keys(scenarios).join(', ')}, not ${unknown.join(', ')}`);
  process.exit(2);
}
for (const name of chosen) {
  // Others who use the machine are in every time, so how busy it is belongs to the numbers.
  const load = loadavg()[0]?.toFixed(1);
  console.log(`\n${name} (${cpus().length} cores, load of the last minute ${load})`);
  console.table(await scenarios[name]?.());
}
