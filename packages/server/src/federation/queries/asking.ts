import type { ServerName } from '@myelin/protocol/identifiers';

import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { RemoteError, type RemoteServers } from '../../remote-servers/index.ts';

/** Requests to other servers, as far as questions need them. */
export type ServerCalls = Pick<RemoteServers, 'request'>;

export interface QueryNeeds {
  readonly servers: ServerCalls;
  readonly serverName: ServerName;
  readonly clock: Clock;
  readonly caches: CacheBudget;
  readonly logger: Logger;
}

/** A client waits for each answer. */
export const queryBounds = { timeoutMs: 10_000, maxBytes: 4 * 1024 * 1024 };

const mostServers = 5;

/**
 * The first good answer of some servers, asked one after another, five at most. Undefined where none has one; what they said instead is
 * in the log.
 */
export async function firstAnswer<Value>(
  { logger, serverName }: QueryNeeds,
  servers: readonly ServerName[],
  ask: (server: ServerName) => Promise<Value | undefined>,
): Promise<Value | undefined> {
  const others = [...new Set(servers)].filter((server) => server !== serverName);
  for (const server of others.slice(0, mostServers)) {
    try {
      const answer = await ask(server);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      logger.debug({ err: error, server }, 'another server has not answered a question');
    }
  }
  return undefined;
}
