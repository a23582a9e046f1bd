import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

import type { BenchDatabase } from './bench-database.ts';
import type { Server } from './server.ts';
import { startServer } from './started-server.ts';

/** The Synapse that Myelin is held against, unless another version is asked for. */
export const synapseVersion = '1.163.2';

/** A real Synapse, run by Python as its documentation has it. Throws a sentence when it cannot be installed. */
export async function startSynapse(database: BenchDatabase, version: string): Promise<Server> {
  const python = join(install(version), 'bin', 'python');
  return startServer({ name: `Synapse ${version}`, command: [python, '-m', 'synapse.app.homeserver'], database });
}

/** A virtual environment with Synapse from PyPI, made once and kept in the user's cache folder. */
function install(version: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const directory = join(cache, 'myelin-bench', `synapse-${version}`);
  const ready = join(directory, 'ready');
  if (existsSync(ready)) return directory;
  console.error(`Installing Synapse ${version} from PyPI into ${directory} …`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  try {
    run('python3', '-m', 'venv', directory);
    run(join(directory, 'bin', 'pip'), 'install', '-q', '--disable-pip-version-check', `matrix-synapse[postgres]==${version}`);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`Synapse cannot be installed here: ${(error as Error).message}`, { cause: error });
  }
  writeFileSync(ready, '');
  return directory;
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
