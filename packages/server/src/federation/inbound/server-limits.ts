import { limitExceeded } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Route } from '../../platform/http/index.ts';

/** `rc_federation` of homeserver.yaml. */
export interface ServerLimitSettings {
  /** The period in which requests are counted, in milliseconds. */
  readonly window_size: number;
  /** From how many requests in the period on they are delayed. */
  readonly sleep_limit: number;
  /** By how much, in milliseconds. */
  readonly sleep_delay: number;
  /** From how many waiting requests on they are refused. */
  readonly reject_limit: number;
  /** Requests of one server that are worked on at once. */
  readonly concurrent: number;
}

interface Counted {
  /** When the requests of the last period came, oldest first. */
  readonly times: number[];
  sleeping: number;
  working: number;
  readonly queue: (() => void)[];
}

/**
 * Keeps any one server from taking more than its share: many requests in a short time are delayed, few are worked on at once, and when too
 * many wait the next ones are refused. A server costs memory only while it asks.
 */
export class ServerLimits {
  readonly #settings: ServerLimitSettings;
  readonly #clock: Clock;
  readonly #servers = new Map<ServerName, Counted>();

  constructor(settings: ServerLimitSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** How many servers are remembered. */
  get size(): number {
    return this.#servers.size;
  }

  /** Does the work when it is the server's turn. Throws M_LIMIT_EXCEEDED where too much waits already. */
  async run<Result>(server: ServerName, work: () => Promise<Result>): Promise<Result> {
    const { sleep_limit, sleep_delay, reject_limit, concurrent, window_size } = this.#settings;
    const counted = this.#count(server);
    try {
      if (counted.sleeping + counted.queue.length > reject_limit)
        throw limitExceeded(Math.max(1, Math.floor(window_size / Math.max(1, sleep_limit))));
      counted.times.push(this.#clock.monotonic());
      if (counted.times.length > sleep_limit) {
        counted.sleeping += 1;
        try {
          await this.#clock.sleep(sleep_delay);
        } finally {
          counted.sleeping -= 1;
        }
      }
      if (counted.working >= concurrent) await new Promise<void>((resume) => counted.queue.push(resume));
      else counted.working += 1;
      try {
        return await work();
      } finally {
        const next = counted.queue.shift();
        // The place is handed over, so that nobody else takes it in between.
        if (next) next();
        else counted.working -= 1;
      }
    } finally {
      this.#forgetIfIdle(server, counted);
    }
  }

  /** The same route, with each request of a server waiting for its turn. */
  limit(limited: Route): Route {
    const handler = limited.handler as (input: { readonly requester: { readonly origin: ServerName } }) => unknown;
    return {
      ...limited,
      handler: (input: Parameters<typeof handler>[0]) => this.run(input.requester.origin, async () => handler(input)),
    };
  }

  #count(server: ServerName): Counted {
    let counted = this.#servers.get(server);
    if (!counted) this.#servers.set(server, (counted = { times: [], sleeping: 0, working: 0, queue: [] }));
    this.#forgetOld(counted);
    return counted;
  }

  #forgetOld({ times }: Counted): void {
    const start = this.#clock.monotonic() - this.#settings.window_size;
    let old = 0;
    while (old < times.length && (times[old] ?? 0) <= start) old++;
    times.splice(0, old);
  }

  #forgetIfIdle(server: ServerName, counted: Counted): void {
    if (counted.working > 0 || counted.sleeping > 0 || counted.queue.length > 0) return;
    this.#clock.schedule(this.#settings.window_size, () => {
      this.#forgetOld(counted);
      const isIdle = counted.working === 0 && counted.sleeping === 0 && counted.queue.length === 0 && counted.times.length === 0;
      if (isIdle && this.#servers.get(server) === counted) this.#servers.delete(server);
    });
  }
}
