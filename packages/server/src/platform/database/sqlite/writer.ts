import { Worker } from 'node:worker_threads';

import { DatabaseUnavailableError, type DatabaseError } from '../errors.ts';
import type { Template } from '../sql.ts';
import type { Answer, Failure, OpenSettings, Operations, Request, StatementText } from './protocol.ts';
import { sqliteError } from './sqlite-errors.ts';

/** Two: while the writer commits one group the next is already in its hands, and all later ones gather into one. */
const GROUPS_IN_FLIGHT = 2;
/** Fewer wait for more to join them while another group is committed: most of a small group's time is the disk's, whatever its size. */
const WORTH_A_SECOND_GROUP = 16;
const BATCHES_IN_A_GROUP = 1000;
/** Far above what a working disk lets gather; beyond it callers hear at once that the database cannot keep up. */
const WAITING_BATCHES = 50_000;

export interface WaitingBatch {
  readonly operations: Operations;
  /** Called in commit order. */
  committed(): void;
  failed(error: DatabaseError): void;
}

type RequestBody = Request extends infer Each ? (Each extends Request ? Omit<Each, 'statements'> : never) : never;

/** Threads whose database is closed, kept for the next one where the settings ask for it (tests open hundreds). */
const idleThreads: Worker[] = [];

/** The main thread's side of the writer thread: gathers batches, sends one message for all that wait, hands out the answers. */
export class Writer {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #keepThread: boolean;
  readonly #answers: ((answer: Answer) => void)[] = [];
  readonly #sentStatements = new Set<number>();
  #newStatements: StatementText[] = [];
  #waiting: WaitingBatch[] = [];
  readonly #waitingSessions: (() => void)[] = [];
  #groupsInFlight = 0;
  #sessionOpen = false;
  #flushScheduled = false;
  #broken: DatabaseUnavailableError | undefined;
  readonly #whenIdle: (() => void)[] = [];
  readonly #onAnswer = (answer: Answer): void => this.#answers.shift()?.(answer);
  readonly #onError = (error: unknown): void => this.#break(error);
  readonly #onExit = (): void => this.#break(new Error('The writer thread ended'));

  private constructor(path: string, keepThread: boolean) {
    this.#path = path;
    this.#keepThread = keepThread;
    const worker =
      idleThreads.pop() ?? new Worker(new URL('./writer-thread.ts', import.meta.url), { name: 'database-writer', execArgv: [] });
    this.#worker = worker;
    worker.ref();
    worker.on('message', this.#onAnswer);
    worker.on('error', this.#onError);
    worker.on('exit', this.#onExit);
  }

  /** Opens the file. Rejects with the sentence for a locked, damaged or unreachable file. */
  static async open(settings: OpenSettings, keepThread: boolean): Promise<Writer> {
    const writer = new Writer(settings.path, keepThread);
    try {
      await writer.request({ kind: 'open', settings });
    } catch (error) {
      writer.#release();
      throw error;
    }
    return writer;
  }

  /** Tells the writer the text of statements that it does not know. */
  know(templates: Set<Template>): void {
    for (const template of templates) {
      if (this.#sentStatements.has(template.id)) continue;
      this.#sentStatements.add(template.id);
      this.#newStatements.push({ id: template.id, text: template.text.sqlite, parameters: template.parameters });
    }
    templates.clear();
  }

  enqueue(batch: WaitingBatch): void {
    if (this.#broken !== undefined) return batch.failed(this.#broken);
    if (this.#waiting.length >= WAITING_BATCHES) {
      return batch.failed(new DatabaseUnavailableError(`${WAITING_BATCHES} writes wait for the disk: it does not keep up`));
    }
    this.#waiting.push(batch);
    this.#scheduleFlush();
  }

  /** Resolves when it is this caller's turn: all batches handed in before are with the writer, later ones wait until `endSession`. */
  async beginSession(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waitingSessions.push(resolve);
      this.#scheduleFlush();
    });
    try {
      await this.request({ kind: 'begin' });
    } catch (error) {
      this.endSession();
      throw error;
    }
  }

  endSession(): void {
    this.#sessionOpen = false;
    this.#scheduleFlush();
  }

  /** One request and its answer. Rejects with the failure's error. */
  async request(body: RequestBody): Promise<Answer> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      this.#post(body, resolve);
    });
    if (answer.kind !== 'failed') return answer;
    if (this.#broken !== undefined) throw this.#broken;
    throw sqliteError(answer.failure, this.#path);
  }

  /** Waits for everything handed in, then closes the file. */
  async close(): Promise<void> {
    while (this.#broken === undefined && (this.#waiting.length > 0 || this.#waitingSessions.length > 0 || this.#busy)) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (this.#broken === undefined) await this.request({ kind: 'close' });
    this.#release();
  }

  get #busy(): boolean {
    return this.#groupsInFlight > 0 || this.#sessionOpen;
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // After everything that this turn of the event loop brought in: one message for all of it.
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#sessionOpen && this.#mayBeginGroup) this.#sendGroup();
    if (!this.#sessionOpen && this.#waiting.length === 0) {
      const session = this.#waitingSessions.shift();
      if (session !== undefined) {
        this.#sessionOpen = true;
        session();
      }
    }
    if (!this.#busy && this.#waiting.length === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  get #mayBeginGroup(): boolean {
    if (this.#groupsInFlight === 0) return this.#waiting.length > 0;
    return this.#groupsInFlight < GROUPS_IN_FLIGHT && this.#waiting.length >= WORTH_A_SECOND_GROUP;
  }

  #sendGroup(): void {
    const group = this.#waiting.length <= BATCHES_IN_A_GROUP ? this.#waiting : this.#waiting.slice(0, BATCHES_IN_A_GROUP);
    this.#waiting = group === this.#waiting ? [] : this.#waiting.slice(BATCHES_IN_A_GROUP);
    this.#groupsInFlight++;
    this.#post({ kind: 'group', batches: group.map((batch) => batch.operations) }, (answer) => {
      this.#groupsInFlight--;
      // First, so that the writer is not idle while the callbacks below run.
      this.#flush();
      this.#deliver(group, answer);
    });
  }

  #deliver(group: readonly WaitingBatch[], answer: Answer): void {
    if (answer.kind === 'failed') {
      const error = this.#broken ?? sqliteError(answer.failure, this.#path);
      for (const batch of group) batch.failed(error);
      return;
    }
    const failures = new Map<number, Failure>(answer.kind === 'partly' ? answer.failures : []);
    for (const [index, batch] of group.entries()) {
      const failure = failures.get(index);
      if (failure === undefined) batch.committed();
      else batch.failed(sqliteError(failure, this.#path));
    }
  }

  #post(body: RequestBody, answered: (answer: Answer) => void): void {
    this.#answers.push(answered);
    if (this.#newStatements.length === 0) {
      this.#worker.postMessage(body);
      return;
    }
    const statements = this.#newStatements;
    this.#newStatements = [];
    this.#worker.postMessage({ ...body, statements });
  }

  #break(cause: unknown): void {
    if (this.#broken !== undefined) return;
    this.#broken = new DatabaseUnavailableError('The thread that writes the database has ended; the server must be restarted', {
      cause,
    });
    const failure: Answer = { kind: 'failed', failure: { code: -2, message: this.#broken.message } };
    for (const answered of this.#answers.splice(0)) answered(failure);
    for (const batch of this.#waiting.splice(0)) batch.failed(this.#broken);
    for (const session of this.#waitingSessions.splice(0)) session();
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #release(): void {
    this.#worker.off('message', this.#onAnswer).off('error', this.#onError).off('exit', this.#onExit);
    this.#worker.unref();
    if (this.#keepThread && this.#broken === undefined) idleThreads.push(this.#worker);
    else void this.#worker.terminate();
    this.#broken ??= new DatabaseUnavailableError('The database is closed');
  }
}
