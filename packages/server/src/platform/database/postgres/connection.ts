import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import pg, { type Client, type ClientConfig } from 'pg';

import { systemClock } from '../../clock.ts';
import { DatabaseUnavailableError } from '../errors.ts';
import type { PostgresSettings, PostgresTls } from '../settings.ts';
import type { Template } from '../sql.ts';
import { isConnectionLoss, postgresError } from './postgres-errors.ts';
import { postgresTypes } from './values.ts';

export interface Result {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
  readonly command: string;
}

type Callback = (error: unknown, result: Result) => void;

/** The two things the driver's types leave out. */
interface Corkable {
  readonly connection: { readonly stream: { cork(): void; uncork(): void } };
}

/** Statements that a connection keeps prepared; more than the code has. */
const PREPARED_STATEMENTS = 1500;
const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 2000;

/** One pipelined connection: statements are sent without waiting for the answers to those before. */
export class Connection {
  readonly #client: Client;
  readonly #names = new Set<number>();
  #alive = true;
  #corked = false;
  inFlight = 0;

  private constructor(client: Client) {
    this.#client = client;
    // The statements under way are told as well; this only keeps an idle connection's end from ending the process.
    client.on('error', () => (this.#alive = false));
    client.on('end', () => (this.#alive = false));
  }

  /** Makes one attempt. `setup` are statements for the session. */
  static async open(settings: PostgresSettings, applicationName: string, setup: readonly string[]): Promise<Connection> {
    const connection = new Connection(await connect(settings, applicationName));
    try {
      for (const text of setup) await connection.query(text);
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** Attempts until it succeeds; rejects with `DatabaseUnavailableError` when `patienceMs` have passed, at once for other errors. */
  static async openPatiently(settings: PostgresSettings, applicationName: string, setup: readonly string[]): Promise<Connection> {
    const deadline = systemClock.monotonic() + (settings.patienceMs ?? 10_000);
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2)) {
      try {
        return await Connection.open(settings, applicationName, setup);
      } catch (error) {
        // Half of it by chance, so that many connections do not come back at the same moment.
        const pauseMs = delayMs * (0.5 + Math.random() / 2);
        if (!isConnectionLoss(error) || systemClock.monotonic() + pauseMs > deadline) throw postgresError(error);
        await systemClock.sleep(pauseMs);
      }
    }
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** A prepared statement. `answered` is called once. */
  send(template: Template, values: unknown[], answered: Callback): void {
    if (template.transient || (this.#names.size >= PREPARED_STATEMENTS && !this.#names.has(template.id))) {
      return this.#send({ text: template.text.postgres, values }, answered);
    }
    this.#names.add(template.id);
    this.#send({ name: `s${template.id}`, text: template.text.postgres, values }, answered);
  }

  /** A statement without parameters. `answered` is called once. */
  sendText(text: string, answered: Callback): void {
    this.#send({ text }, answered);
  }

  run(template: Template, values: unknown[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.send(template, values, (error, result) => (error ? reject(asError(error)) : resolve(result)));
    });
  }

  query(text: string, values?: unknown[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      const config = values === undefined ? { text } : { text, values };
      this.#send(config, (error, result) => (error ? reject(asError(error)) : resolve(result)));
    });
  }

  /** Says goodbye when all answers are there; nothing may be sent afterwards. */
  async close(): Promise<void> {
    this.#alive = false;
    await this.#client.end();
  }

  /** Gives the connection up, whatever is under way. */
  end(): void {
    this.#alive = false;
    void this.#client.end().catch(() => {
      // It is being thrown away because it is broken.
    });
  }

  #send(config: { name?: string; text: string; values?: unknown[] }, answered: Callback): void {
    this.#cork();
    this.inFlight++;
    this.#client.query(config, (error: unknown, result: Result) => {
      this.inFlight--;
      if (error && isConnectionLoss(error)) this.#alive = false;
      answered(error, result);
    });
  }

  /** Everything that is sent in this turn goes out as one packet. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    const { stream } = (this.#client as unknown as Corkable).connection;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}

async function connect(settings: PostgresSettings, applicationName: string): Promise<Client> {
  const mode = settings.host?.startsWith('/') ? 'disable' : (settings.ssl?.mode ?? 'prefer');
  const config: ClientConfig & { pipeline: boolean } = {
    pipeline: true,
    types: postgresTypes,
    application_name: applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs ?? 5000,
    keepAlive: true,
    ...(settings.host === undefined ? {} : { host: settings.host }),
    ...(settings.port === undefined ? {} : { port: settings.port }),
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.database === undefined ? {} : { database: settings.database }),
    ...(settings.options === undefined ? {} : { options: settings.options }),
    // The driver would look for ~/.pgpass without one.
    password: settings.password ?? '',
  };
  if (mode === 'disable' || mode === 'allow') return dial({ ...config, ssl: false });
  const tls = tlsOptions(settings.ssl ?? { mode });
  if (mode !== 'prefer') return dial({ ...config, ssl: tls });
  try {
    return await dial({ ...config, ssl: tls });
  } catch (error) {
    if (!(error instanceof Error) || !/does not support SSL/.test(error.message)) throw error;
    return dial({ ...config, ssl: false });
  }
}

async function dial(config: ClientConfig): Promise<Client> {
  const client = new pg.Client(config);
  // Without a listener, a connection that breaks while it is made would end the process; `connect` rejects as well.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function tlsOptions(tls: PostgresTls): ConnectionOptions {
  const checked = tls.mode === 'verify-ca' || tls.mode === 'verify-full';
  return {
    rejectUnauthorized: checked,
    ...(tls.mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(tls.rootCertificate === undefined ? {} : { ca: readFileSync(tls.rootCertificate) }),
    ...(tls.certificate === undefined ? {} : { cert: readFileSync(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: readFileSync(tls.key) }),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new DatabaseUnavailableError(String(error));
}
