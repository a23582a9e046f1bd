import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, HttpClient, Person } from '../homeserver/index.ts';
import type { CertificateAuthority } from '../network/index.ts';
import { synapseConfiguration, synapseLogging } from './synapse-configuration.ts';

/** What Synapse answers its clients is not ours to judge. */
const unchecked = { check: () => undefined, takeViolations: () => [] };

const patienceMs = 60_000;
const betweenAsksMs = 50;

/** A real Synapse as a child process, on SQLite. Its name is `localhost` with a port: that needs no DNS. */
export class SynapseServer {
  readonly serverName: string;
  /** Where its clients reach it. */
  readonly baseUrl: string;
  readonly #directory: string;
  readonly #python: string;
  readonly #http: HttpClient;
  #child: ChildProcess | undefined;
  readonly #abandon = (): void => void this.#child?.kill('SIGKILL');

  private constructor(parts: { serverName: string; directory: string; python: string; clientPort: number }) {
    this.serverName = parts.serverName;
    this.#directory = parts.directory;
    this.#python = parts.python;
    this.baseUrl = `http://127.0.0.1:${parts.clientPort}`;
    this.#http = new HttpClient(this.baseUrl, unchecked);
  }

  /**
   * Starts one with a Python that has it (`installedSynapse`); it believes servers with certificates of `authority`. Other servers come
   * to its name, `localhost:PORT`; that leads to the port `federation`.
   */
  static async start(
    python: string,
    authority: CertificateAuthority,
    { name: serverName, federation }: { readonly name: string; readonly federation: number },
  ): Promise<SynapseServer> {
    const directory = await mkdtemp(join(tmpdir(), 'myelin-synapse-'));
    const ports = { client: await freePort(), federation };
    const { certificate, key } = authority.issue(['localhost']);
    const files = {
      'authority.pem': authority.certificate,
      'tls.crt': certificate,
      'tls.key': key,
      'homeserver.yaml': synapseConfiguration(directory, serverName, ports),
      'log.yaml': synapseLogging(directory),
    };
    await mkdir(join(directory, 'media'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    const server = new SynapseServer({ serverName, directory, python, clientPort: ports.client });
    execFileSync(python, [...server.#arguments, '--generate-keys'], { cwd: directory, stdio: 'pipe' });
    // Nothing that a test started outlives it, however it ends.
    process.once('exit', server.#abandon);
    await server.start();
    return server;
  }

  /** Starts it again on its data; resolves once it answers. */
  async start(): Promise<void> {
    const output = openSync(join(this.#directory, 'output.log'), 'a');
    const child = spawn(this.#python, this.#arguments, { cwd: this.#directory, stdio: ['ignore', output, output] });
    this.#child = child;
    const deadline = performance.now() + patienceMs;
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`Synapse ended at its start:\n${await this.log()}`);
      if (performance.now() > deadline) throw new Error(`Synapse does not answer:\n${await this.log()}`);
      // There is no position to wait for before a server runs: only its port can be asked.
      await new Promise((resolve) => setTimeout(resolve, betweenAsksMs));
    }
  }

  /** Ends it as a power cut would; its people keep their tokens. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    process.off('exit', this.#abandon);
    await this.#http.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Registers somebody. */
  async person(name: string): Promise<Person> {
    const password = `${name}'s secret`;
    const body = { username: name, password, auth: { type: 'm.login.dummy' } };
    const answer = await this.#http.request('POST', '/register', { body });
    if (answer.status !== 200) throw new Error(`${name} cannot register: ${answer.status} ${JSON.stringify(answer.body)}`);
    const { user_id: userId, device_id: deviceId, access_token: token } = answer.body;
    return new Person({ userId, deviceId, token, password, http: this.#http });
  }

  /** The last lines of what it wrote down. */
  async log(lines = 40): Promise<string> {
    const files = ['output.log', 'homeserver.log'].map((name) => readFile(join(this.#directory, name), 'utf8').catch(() => ''));
    return (await Promise.all(files)).map((text) => text.split('\n').slice(-lines).join('\n')).join('\n');
  }

  get #arguments(): string[] {
    return ['-m', 'synapse.app.homeserver', '-c', join(this.#directory, 'homeserver.yaml')];
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.#http.request('GET', '/health')).status === 200;
    } catch (error) {
      if (['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
