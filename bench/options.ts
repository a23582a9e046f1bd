import { parseArgs } from 'node:util';

import { synapseVersion } from '@myelin/testing/synapse';

import type { Scenario } from './scenario.ts';

export interface BenchOptions {
  readonly help: boolean;
  readonly quick: boolean;
  readonly scenarios: readonly Scenario[];
  /** A server that runs already, instead of Myelin. */
  readonly url: string | undefined;
  readonly registrationSharedSecret: string | undefined;
  readonly pid: number | undefined;
  readonly database: 'sqlite' | 'postgres';
  /** The version of the Synapse to run beside it; undefined for none. */
  readonly synapse: string | undefined;
  readonly json: string | undefined;
  readonly cpuProfiles: string | undefined;
}

/** What the user should read instead of a stack. */
export class UsageError extends Error {}

/** Reads the command line; throws `UsageError`. */
export function readOptions(args: readonly string[], all: readonly Scenario[]): BenchOptions {
  const { values } = parse(args);
  if (values.database !== 'sqlite' && values.database !== 'postgres')
    throw new UsageError(`--database is sqlite or postgres, not ${values.database}`);
  if (values.url !== undefined && !URL.canParse(values.url)) throw new UsageError(`--url ${values.url} is not an address`);
  if (values.url === undefined && (values.pid !== undefined || values['registration-shared-secret'] !== undefined))
    throw new UsageError('--pid and --registration-shared-secret belong to --url');
  const pid = values.pid === undefined ? undefined : Number(values.pid);
  if (pid !== undefined && !(Number.isInteger(pid) && pid > 0)) throw new UsageError(`--pid ${values.pid} is not a process id`);
  return {
    help: values.help,
    quick: values.quick,
    scenarios: chosen(values.only, all),
    url: values.url,
    registrationSharedSecret: values['registration-shared-secret'],
    pid,
    database: values.database,
    synapse: values['synapse-version'] ?? (values.synapse ? synapseVersion : undefined),
    json: values.json,
    cpuProfiles: values['cpu-prof'],
  };
}

export function helpText(all: readonly Scenario[]): string {
  return `Measures a Matrix homeserver.

  npm run bench -- [options]

Without an address it starts this checkout's Myelin, on a durable database of its own.

  --synapse                         runs the same work against a real Synapse from PyPI, and prints ratios
  --synapse-version VERSION         another one than ${synapseVersion}
  --database sqlite|postgres        where the servers that are started keep their data (sqlite)
  --url URL                         measures a server that runs already
  --registration-shared-secret S    how to register there; without it, registration must be open
  --pid PID                         its process, if it is on this machine, for its use of CPU and memory
  --only NAME,NAME                  only these scenarios
  --quick                           tiny sizes: shows that it works, not how fast
  --json FILE                       writes the numbers there, too
  --cpu-prof DIR                    has Myelin write CPU profiles there when it ends
  --help

Scenarios:
${all.map(({ name, title }) => `  ${name.padEnd(12)}${title}`).join('\n')}

bench/README.md says how to read what comes out.`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        synapse: { type: 'boolean', default: false },
        'synapse-version': { type: 'string' },
        database: { type: 'string', default: 'sqlite' },
        url: { type: 'string' },
        'registration-shared-secret': { type: 'string' },
        pid: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'string' },
        'cpu-prof': { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function chosen(only: string | undefined, all: readonly Scenario[]): readonly Scenario[] {
  if (only === undefined) return all;
  const names = only.split(',');
  const unknown = names.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new UsageError(`There is no scenario ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`);
  return all.filter(({ name }) => names.includes(name));
}
