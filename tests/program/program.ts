import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createContractCheck, HttpClient, Person } from '@myelin/testing';

const launcher = fileURLToPath(new URL('../../packages/server/bin/myelin.mjs', import.meta.url));
const patienceMs = 30_000;

/** What a command said, and how it ended. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
}

/** A directory that stands for the machine's root: `inside('/etc/x')` is where the operator's `/etc/x` is. */
export async function aMachine(): Promise<{ inside: (path: string) => string; remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'myelin-machine-'));
  return { inside: (path) => join(root, path), remove: () => rm(root, { recursive: true, force: true }) };
}

/** Runs `myelin` as typed and waits for its end. */
export async function types(...line: string[]): Promise<Ending> {
  const program = new Program(process.execPath, [launcher, ...line]);
  return program.ends();
}

/** `myelin`, serving in a process of its own. */
export class Program {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = '';

  constructor(command: string, line: readonly string[]) {
    // Its own process group, so that a signal reaches all of it where a shell has started it.
    this.#child = spawn(command, line, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    }
  }

  /** Starts a server with these arguments and waits until it answers. */
  static async serves(port: number, ...line: string[]): Promise<Program> {
    const program = new Program(process.execPath, [launcher, ...line]);
    await program.answersAt(port);
    return program;
  }

  /** Started by a shell script, in which `$NODE $MYELIN` is the program. */
  static ofScript(wrapper: readonly [command: string, ...line: string[]], script: string): Program {
    const [command, ...line] = [...wrapper, 'sh', '-c', script, process.execPath, launcher];
    return new Program(command, line);
  }

  get output(): string {
    return this.#output;
  }

  async answersAt(port: number): Promise<void> {
    const client = new HttpClient(`http://127.0.0.1:${port}`, await createContractCheck());
    const deadline = performance.now() + patienceMs;
    try {
      for (;;) {
        const answer = await client.request('GET', '/_matrix/client/versions').catch(() => undefined);
        if (answer?.status === 200) return;
        if (this.#child.exitCode !== null) throw new Error(`it ended with code ${this.#child.exitCode}: ${this.#output}`);
        if (performance.now() > deadline) throw new Error(`it does not answer: ${this.#output}`);
        // There is no position to wait for before a server runs: only its port can be asked.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      await client.close();
    }
  }

  /** Waits until these words stand in its output. */
  async hasSaid(words: string): Promise<void> {
    while (!this.#output.includes(words)) {
      if (this.#child.exitCode !== null) throw new Error(`it ended with code ${this.#child.exitCode}: ${this.#output}`);
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.#closed]);
    }
  }

  signals(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal);
  }

  async ends(): Promise<Ending> {
    await this.#closed;
    return { code: this.#child.exitCode, output: this.#output };
  }

  /** As `systemctl stop` ends it. */
  async stops(): Promise<Ending> {
    this.signals('SIGTERM');
    return this.ends();
  }
}

/** Somebody logs in with their password. Each answer is held against the spec; `person.http.close()` when done. */
export async function logsIn(port: number, user: string, password: string): Promise<Person> {
  const http = new HttpClient(`http://127.0.0.1:${port}`, await createContractCheck());
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password };
  const answer = await http.request('POST', '/login', { body });
  if (answer.status !== 200) throw new Error(`${user} cannot log in: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { user_id: userId, device_id: deviceId, access_token: token } = answer.body;
  return new Person({ userId, deviceId, token, password, http });
}
