import { Agent, request } from 'undici';

import type { ContractCheck } from './contract-check.ts';

/** What the server said. */
export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; the text where it is none. */
  readonly body: any;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface HttpOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Speaks HTTP with one server, and holds every answer against the spec. */
export class HttpClient {
  #baseUrl: string;
  readonly #contract: ContractCheck;
  readonly #agent = new Agent({ connections: 1024, keepAliveTimeout: 1000 });

  constructor(baseUrl: string, contract: ContractCheck) {
    this.#baseUrl = baseUrl;
    this.#contract = contract;
  }

  /** Sends one request. A path that starts with `/` and no `_` is one of the client API: `/sync` is `/_matrix/client/v3/sync`. */
  async request(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    const url = new URL(/^\/(_|\.|health)/.test(path) || path === '/' ? path : `/_matrix/client/v3${path}`, this.#baseUrl);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) url.searchParams.append(name, String(one));
    }
    const hasBody = options.body !== undefined;
    const isText = typeof options.body === 'string' || options.body instanceof Uint8Array;
    const response = await request(url, {
      dispatcher: this.#agent,
      method,
      headers: {
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(hasBody && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(hasBody && { body: isText ? (options.body as string) : JSON.stringify(options.body) }),
      ...(options.signal && { signal: options.signal }),
    });
    const text = await response.body.text();
    const body = parsed(text);
    this.#contract.check({ method, url: url.pathname + url.search, status: response.statusCode, body });
    return { status: response.statusCode, body: body ?? text, headers: response.headers };
  }

  /** The same server at another address, after a restart. */
  moveTo(baseUrl: string): void {
    this.#baseUrl = baseUrl;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A page or plain text: tests see it as it is.
    return undefined;
  }
}
