import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { PostgresSettings } from '@myelin/server/platform/database';

import type { FoundPostgres } from './find-postgres.ts';
import { unpackPostgres } from './packaged-postgres.ts';

const START_LIMIT_MS = 30_000;
const START_CHECK_MS = 20;

/** Waits on its input, which closes when this process ends in whatever way, and then ends the server and removes its files. */
const WATCH =
  'dir=$1; shift; "$@" & server=$!; read _; kill -QUIT $server 2>/dev/null; wait $server; [ -e "$dir/keep" ] || rm -rf "$dir"';

/** A PostgreSQL server of our own, on a unix socket in a temporary folder. It ends with this process, even when that is killed. */
export class PostgresServer {
  readonly directory: string;
  readonly #bin: string;
  readonly #account: { uid: number; gid: number } | undefined;
  readonly #durable: boolean;
  #watcher: ChildProcess | undefined;

  private constructor(bin: string, directory: string, account: { uid: number; gid: number } | undefined, durable: boolean) {
    this.#bin = bin;
    this.directory = directory;
    this.#account = account;
    this.#durable = durable;
  }

  /** Makes a cluster and starts it. `durable`: what is committed survives a crash of the server. */
  static async create(found: Exclude<FoundPostgres, { kind: 'running' | 'none' }>, durable = false): Promise<PostgresServer> {
    const bin = found.kind === 'installed' ? found.bin : await unpackPostgres(found.native, found.version);
    // PostgreSQL refuses to run as root.
    const account = process.getuid?.() === 0 ? accountForServer() : undefined;
    const directory = await mkdtemp(join(tmpdir(), 'myelin-pg-'));
    if (account !== undefined) chownSync(directory, account.uid, account.gid);
    const options = ['-D', join(directory, 'data'), '-U', 'myelin', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    await promisify(execFile)(join(bin, 'initdb'), options, { ...account, cwd: directory });
    const server = new PostgresServer(bin, directory, account, durable);
    await server.start();
    return server;
  }

  get settings(): PostgresSettings {
    return { kind: 'postgres', host: this.directory, port: 5432, user: 'myelin', database: 'postgres' };
  }

  async start(): Promise<void> {
    const options = {
      listen_addresses: '',
      unix_socket_directories: this.directory,
      max_connections: '200',
      shared_buffers: '32MB',
      logging_collector: 'off',
      autovacuum: 'off',
      ...(this.#durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    };
    const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = [join(this.#bin, 'postgres'), '-D', join(this.directory, 'data'), ...flags];
    const watcher = spawn('sh', ['-c', WATCH, 'sh', this.directory, ...command], {
      ...this.#account,
      cwd: this.directory,
      stdio: ['pipe', 'ignore', 'ignore'],
      // Ctrl+C goes to the whole group of processes; the watcher has to outlive it to tidy up.
      detached: true,
    });
    this.#watcher = watcher;
    watcher.unref();
    // The types know only streams here; it is a socket, which must not keep this process alive.
    (watcher.stdin as unknown as { unref(): void }).unref();
    await this.#untilReady();
  }

  /** Ends it: `fast` as an operator does, `immediate` as a crash does. It can be started again. */
  async stop(how: 'fast' | 'immediate'): Promise<void> {
    await promisify(execFile)(join(this.#bin, 'pg_ctl'), ['stop', '-D', join(this.directory, 'data'), '-m', how, '-w'], {
      ...this.#account,
      cwd: this.directory,
    });
    const keep = join(this.directory, 'keep');
    await writeFile(keep, '');
    await this.#endWatcher();
    await rm(keep);
  }

  /** Ends it for good and removes its files. */
  async remove(): Promise<void> {
    await this.#endWatcher();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #endWatcher(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    if (watcher === undefined || watcher.exitCode !== null) return;
    const gone = new Promise((resolve) => watcher.once('exit', resolve));
    watcher.ref();
    watcher.stdin?.end();
    await gone;
  }

  async #untilReady(): Promise<void> {
    const pidFile = join(this.directory, 'data/postmaster.pid');
    // The last line says "ready" when it takes connections.
    for (let waitedMs = 0; waitedMs < START_LIMIT_MS; waitedMs += START_CHECK_MS) {
      const text = existsSync(pidFile) ? await readFile(pidFile, 'utf8').catch(() => '') : '';
      if (/^ready\s*$/m.test(text)) return;
      await setTimeout(START_CHECK_MS);
    }
    throw new Error(`PostgreSQL in ${this.directory} did not start`);
  }
}

function accountForServer(): { uid: number; gid: number } {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  return { uid: Number(account?.[2] ?? 65_534), gid: Number(account?.[3] ?? 65_534) };
}
