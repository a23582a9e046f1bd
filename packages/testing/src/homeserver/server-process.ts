import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { migrations } from '@myelin/server/migrations';
import { request } from 'undici';

import type { TestDatabases } from '../databases/test-databases.ts';
import type { ContractCheck } from './contract-check.ts';
import { HttpClient } from './http-client.ts';
import { Person } from './person.ts';
import { writeConfiguration } from './write-configuration.ts';

const main = fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url));
const patienceMs = 30_000;

/** The whole program in a process of its own, as an operator runs it: it can be killed, and started again on the same data. */
export class ServerProcess {
  readonly baseUrl: string;
  readonly #configPath: string;
  readonly #remove: () => Promise<void>;
  #child: ChildProcess | undefined;

  private constructor(parts: { baseUrl: string; configPath: string; remove: () => Promise<void> }) {
    this.baseUrl = parts.baseUrl;
    this.#configPath = parts.configPath;
    this.#remove = parts.remove;
  }

  /** Starts one on a new database. Its writes are durable. Listeners of `config` are added to the one that its people use. */
  static async start(databases: TestDatabases, config: Readonly<Record<string, unknown>> = {}): Promise<ServerProcess> {
    const database = await databases.create(migrations);
    const port = await freePort();
    const listeners = [{ port, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client', 'federation'] }] }];
    const more = (config['listeners'] as readonly object[] | undefined) ?? [];
    const settings = { ...config, listeners: [...listeners, ...more] };
    const { directory, configPath } = await writeConfiguration(database.settings, settings, 'full');
    const remove = async (): Promise<void> => {
      await database.remove();
      await rm(directory, { recursive: true, force: true });
    };
    const server = new ServerProcess({ baseUrl: `http://127.0.0.1:${port}`, configPath, remove });
    await server.start();
    return server;
  }

  /** Its homeserver.yaml, for other commands of the program. */
  get configPath(): string {
    return this.#configPath;
  }

  /** The process id while it runs. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server was not started');
    return this.#child.pid;
  }

  /** Starts the program and waits until it answers. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [main, '-c', this.#configPath], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    const deadline = performance.now() + patienceMs;
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}: ${output}`);
      if (performance.now() > deadline) throw new Error(`the server does not answer: ${output}`);
      // There is no position to wait for before a server runs: only its port can be asked.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Somebody's device that speaks plain HTTP, beside others that the account may have. Every answer is held against the spec. */
  logsIn(name: string, password: string, contract: ContractCheck): Promise<Person> {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password };
    return this.#person('/login', body, contract);
  }

  /** A new account with its first device; else as `logsIn`. */
  registers(name: string, password: string, contract: ContractCheck): Promise<Person> {
    return this.#person('/register', { username: name, password, auth: { type: 'm.login.dummy' } }, contract);
  }

  async #person(
    path: string,
    body: Readonly<Record<string, unknown>> & { readonly password: string },
    contract: ContractCheck,
  ): Promise<Person> {
    const http = new HttpClient(this.baseUrl, contract);
    const answer = await http.request('POST', path, { body });
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    const { user_id: userId, device_id: deviceId, access_token: token } = answer.body;
    return new Person({ userId, deviceId, token, password: body.password, http });
  }

  /** Ends it as a power cut would: nothing is told. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    await this.#remove();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async #answers(): Promise<boolean> {
    try {
      const { statusCode, body } = await request(`${this.baseUrl}/_matrix/client/versions`);
      await body.dump();
      return statusCode === 200;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
      throw error;
    }
  }
}

/** A port of the loopback address that nobody uses now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
