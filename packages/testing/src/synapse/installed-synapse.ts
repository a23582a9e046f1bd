import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The Synapse that Myelin is tested with and held against, unless another version is asked for. */
export const synapseVersion = '1.163.2';

/** Where the virtual environment of a version is, or will be: in the user's cache folder, so that every checkout shares it. */
function directoryOf(version: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'myelin', `synapse-${version}`);
}

/** The Python that has this Synapse; undefined where it was not installed. */
export function installedSynapse(version: string = synapseVersion): string | undefined {
  const python = pythonIn(directoryOf(version));
  return existsSync(python) ? python : undefined;
}

/**
 * The Python that has this Synapse: where there is none, a virtual environment is made, once, with what PyPI has as wheels. Throws a
 * sentence that says why it cannot be had: there is no Python from 3.10 on with `venv`, or PyPI is out of reach.
 */
export function installSynapse(version: string = synapseVersion): string {
  const present = installedSynapse(version);
  if (present !== undefined) return present;
  const directory = directoryOf(version);
  console.error(`Installing Synapse ${version} from PyPI into ${directory} …`);
  mkdirSync(dirname(directory), { recursive: true });
  // What was begun and broken off, or is done by two at once, never looks like the whole.
  const unfinished = mkdtempSync(`${directory}-unfinished-`);
  // Nothing is compiled: psycopg2 itself comes as source only.
  const wanted = ['--only-binary', ':all:', `matrix-synapse==${version}`, 'psycopg2-binary'];
  try {
    run('python3', '-m', 'venv', unfinished);
    run(pythonIn(unfinished), '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--retries', '1', ...wanted);
    // The Python in it runs from anywhere; only the scripts beside it, which nobody uses, have the path in them.
    if (installedSynapse(version) === undefined) renameSync(unfinished, directory);
  } catch (error) {
    throw new Error(`Synapse cannot be installed here: ${lastLine(error as Error)}`, { cause: error });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return pythonIn(directory);
}

function pythonIn(directory: string): string {
  return join(directory, 'bin', 'python');
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function lastLine({ message }: Error): string {
  return message.trim().split('\n').at(-1) ?? message;
}
