import type { Json } from '@myelin/protocol/events';
import { domainOf, isServerName, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { RemoteError } from '../../remote-servers/index.ts';

/** Why servers brought nothing, as clients are told it. */
export type Failures = Record<string, Record<string, Json>>;

/** While a client waits that has not said how long it will; the spec recommends it. */
const usualTimeoutMs = 10_000;
/** Whoever will not wait at all would get nothing of servers that are near either. */
const shortestTimeoutMs = 1_000;
const longestTimeoutMs = 60_000;
/** A hundred at once is as fast as all at once, and leaves sockets to others. */
const serversAtOnce = 100;

/** How long a client's question to other servers may take, from its `timeout` in milliseconds. */
export function timeoutOf(asked: number | null | undefined): number {
  return Math.max(shortestTimeoutMs, Math.min(asked ?? usualTimeoutMs, longestTimeoutMs));
}

/** Sorts by the server of each user. What is no user id has none, and is left out. */
export function byServer<Value>(ofUsers: Iterable<readonly [string, Value]>): Map<ServerName, Map<string, Value>> {
  const servers = new Map<ServerName, Map<string, Value>>();
  for (const [userId, value] of ofUsers) {
    const server = domainOf(userId as UserId);
    if (!isServerName(server)) continue;
    const users = servers.get(server) ?? new Map<string, Value>();
    servers.set(server, users.set(userId, value));
  }
  return servers;
}

/**
 * Asks servers, many at a time, and gives what went wrong with those that brought nothing. `ask` keeps what they bring. All are asked
 * within `timeoutMs`; a server whose turn has not come by then has failed.
 */
export async function askServers(
  servers: Iterable<ServerName>,
  bounds: { readonly timeoutMs: number; readonly now: () => number },
  ask: (server: ServerName, timeoutMs: number) => Promise<void>,
): Promise<Failures> {
  const failures: Failures = {};
  const deadline = bounds.now() + bounds.timeoutMs;
  const waiting = [...servers];
  const lane = async (): Promise<void> => {
    for (let server = waiting.pop(); server !== undefined; server = waiting.pop()) {
      const leftMs = deadline - bounds.now();
      try {
        if (leftMs <= 0) throw new RemoteError('timed-out', 'there was no time left to ask');
        await ask(server, leftMs);
      } catch (error) {
        if (!(error instanceof RemoteError)) throw error;
        failures[server] = failureOf(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(serversAtOnce, waiting.length) }, lane));
  return failures;
}

/** As Synapse tells clients. */
function failureOf(error: RemoteError): Record<string, Json> {
  if (error.failure === 'backing-off') return { status: 503, message: 'Not ready for retry' };
  const reason: Record<string, Json> = { status: error.status ?? 503, message: error.failure };
  return error.errcode === undefined ? reason : { ...reason, errcode: error.errcode };
}
