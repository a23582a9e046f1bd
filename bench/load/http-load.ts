import { Client, Pool, type Dispatcher } from 'undici';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly token?: string;
  /** What goes as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** As it came: reading it as JSON costs more than fetching it. */
  readonly body: Buffer;
}

const patienceMs = 120_000;
const connections = 64;

/** The connections of the load generator to one server: a pool for short requests, and one connection for each long poll. */
export class HttpLoad {
  readonly #url: string;
  #pool: Pool;
  readonly #polls = new Set<Client>();

  constructor(url: string) {
    this.#url = url;
    this.#pool = this.#newPool();
  }

  /** Whatever the answer is. */
  ask(request: Request): Promise<Answer> {
    return send(this.#pool, request);
  }

  /** A successful answer; throws otherwise. */
  async get(request: Request): Promise<Buffer> {
    const { status, body } = await this.ask(request);
    if (status !== 200) throw new Error(`${request.method} ${request.path}: ${status} ${body.toString('utf8', 0, 300)}`);
    return body;
  }

  async json<T>(request: Request): Promise<T> {
    return JSON.parse((await this.get(request)).toString()) as T;
  }

  /** A connection of its own, as the long poll of a client has. */
  openPoll(): { ask(request: Request): Promise<Answer>; close(): Promise<void> } {
    const client = new Client(this.#url, { headersTimeout: patienceMs, bodyTimeout: patienceMs });
    this.#polls.add(client);
    return {
      ask: (request) => send(client, request),
      close: async () => {
        this.#polls.delete(client);
        await client.destroy();
      },
    };
  }

  /** Lets go of all connections, for a server that was started anew; waiting requests fail. */
  async reconnect(): Promise<void> {
    await this.close();
    this.#pool = this.#newPool();
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), ...[...this.#polls].map((client) => client.destroy())]);
    this.#polls.clear();
  }

  #newPool(): Pool {
    return new Pool(this.#url, { connections, headersTimeout: patienceMs, bodyTimeout: patienceMs });
  }
}

/** `dispatch` with a handler of our own: half the time of `request`, which makes a stream of each body. */
function send(dispatcher: Dispatcher, { method, path, token, body }: Request): Promise<Answer> {
  const headers: string[] = [];
  if (token !== undefined) headers.push('authorization', `Bearer ${token}`);
  if (body !== undefined) headers.push('content-type', 'application/json');
  return new Promise((resolve, reject) => {
    let status = 0;
    const chunks: Buffer[] = [];
    dispatcher.dispatch(
      { method, path, headers, body: body === undefined ? null : JSON.stringify(body) },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode) => (status = statusCode),
        onResponseData: (_controller, chunk) => chunks.push(chunk),
        onResponseEnd: () => resolve({ status, body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}
