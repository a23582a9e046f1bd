import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import type { BenchDatabase } from './bench-database.ts';
import { homeserverYaml, logYaml } from './homeserver-yaml.ts';
import type { Server } from './server.ts';

const startLimitMs = 120_000;
const betweenAsksMs = 5;
const registrationSharedSecret = 'secret of the benchmark';

/** A homeserver that takes Synapse's configuration and command line, as a child process with its data in a temporary folder. */
export async function startServer(options: {
  name: string;
  /** Program and arguments; `-c FILE` is added. */
  command: readonly [string, ...string[]];
  database: BenchDatabase;
  /** Over that of this process, for the server that serves. */
  environment?: Readonly<Record<string, string>>;
}): Promise<Server & Required<Pick<Server, 'restart' | 'bytesOnDisk'>>> {
  const { name, database } = options;
  const directory = mkdtempSync(join(tmpdir(), 'myelin-bench-'));
  mkdirSync(join(directory, 'media'));
  const port = await freePort();
  const configPath = join(directory, 'homeserver.yaml');
  writeFileSync(configPath, homeserverYaml({ directory, port, database, registrationSharedSecret }));
  writeFileSync(join(directory, 'log.yaml'), logYaml(directory));
  const [program, ...args] = [...options.command, '-c', configPath];
  execFileSync(program, [...args, '--generate-keys'], { cwd: directory, stdio: 'pipe' });

  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, ...options.environment };
  let child: ChildProcess;
  const start = async (): Promise<number> => {
    const output = openSync(join(directory, 'output.log'), 'a');
    const startedAt = performance.now();
    const started = spawn(program, args, { cwd: directory, stdio: ['ignore', output, output], env });
    child = started;
    while (!(await answers(`${url}/_matrix/client/versions`))) {
      if (hasEnded(started)) throw new Error(`${name} ended at its start:\n${lastLines(directory)}`);
      if (performance.now() - startedAt > startLimitMs) throw new Error(`${name} does not answer:\n${lastLines(directory)}`);
      await setTimeout(betweenAsksMs);
    }
    return performance.now() - startedAt;
  };
  const stop = async (): Promise<void> => {
    if (hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  // Nothing that we started outlives us, however we end.
  const abandon = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', abandon);
  const close = async (): Promise<void> => {
    await stop();
    process.off('exit', abandon);
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    url,
    registrationSharedSecret,
    processes: () => (child.pid === undefined ? [] : [child.pid]),
    databaseProcesses: database.processes,
    restart: async () => {
      await stop();
      return start();
    },
    bytesOnDisk: async () => {
      await stop();
      const bytes = await database.bytesOnDisk(directory);
      await start();
      return bytes;
    },
    close,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // A connection of its own each time: one that is kept would not be there for a server that was started anew.
    const request = get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

function lastLines(directory: string): string {
  const files = ['output.log', 'homeserver.log'].map((name) => join(directory, name)).filter((path) => existsSync(path));
  return files.map((path) => readFileSync(path, 'utf8').split('\n').slice(-20).join('\n')).join('\n');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
