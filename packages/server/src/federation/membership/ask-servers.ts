import { MatrixError, notFound, unknown, type MatrixErrorCode } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { RemoteError } from '../../remote-servers/remote-error.ts';

/** So many servers are asked at most: the rest of a long list would not know better. */
const mostServers = 20;
/** No further server is asked after so long; whoever waits for the answer has gone. */
const patienceMs = 120_000;

/** What clients hear as another server has said it; of several, that which stands first here. */
const passedOn: readonly MatrixErrorCode[] = [
  'M_FORBIDDEN',
  'M_INVITE_BLOCKED',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_RESOURCE_LIMIT_EXCEEDED',
  'M_LIMIT_EXCEEDED',
  'M_NOT_FOUND',
];

/**
 * Asks servers one after another until one of them helps. Throws what the client is to hear where none does: M_NOT_FOUND where there
 * was nobody to ask, what a server has said where that means something to a client, M_UNKNOWN with status 502 otherwise.
 */
export async function askServers<Help>(
  tools: { readonly clock: Clock; readonly logger: Logger },
  wish: { readonly servers: readonly ServerName[]; readonly what: string },
  ask: (server: ServerName) => Promise<Help>,
): Promise<Help> {
  const { servers, what } = wish;
  if (servers.length === 0) throw notFound(`Can't ${what}: no server that is in the room is known`);
  const end = tools.clock.now() + patienceMs;
  const failures: unknown[] = [];
  for (const server of servers.slice(0, mostServers)) {
    if (tools.clock.now() > end) break;
    try {
      return await ask(server);
    } catch (error) {
      tools.logger.info({ err: error, server }, `could not ${what} through this server`);
      failures.push(error);
    }
  }
  throw failureForClient(failures, what);
}

/** The error that a client hears for what other servers have said, or have not. */
export function failureForClient(failures: readonly unknown[], what: string): MatrixError {
  for (const code of passedOn) {
    const found = failures.find((failure) => codeOf(failure) === code);
    if (found instanceof MatrixError) return found;
    if (found instanceof RemoteError) return new MatrixError(code, found.message, { fields: fieldsOf(found), cause: found });
  }
  const reasons = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  return unknown(`Can't ${what}: ${reasons.join('; ') || 'no server answered'}`, 502);
}

function codeOf(failure: unknown): string | undefined {
  return failure instanceof RemoteError || failure instanceof MatrixError ? failure.errcode : undefined;
}

function fieldsOf({ body }: RemoteError): Record<string, string> {
  const version = body?.['room_version'];
  return typeof version === 'string' ? { room_version: version } : {};
}
