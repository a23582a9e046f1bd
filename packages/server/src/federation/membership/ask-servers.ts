import { MatrixError, notFound, unknown, type MatrixErrorCode } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/observability/index.ts';
import { RemoteError } from '../../remote-servers/index.ts';

/** So many servers are asked at most: the rest of a long list would not know better. */
const mostServers = 20;
/** Nobody further is asked after so long; whoever waits for the answer has gone. */
const longestPatienceMs = 120_000;

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

/** How a server is asked. */
export interface Asking {
  /** The server has failed lately, and is asked all the same because nobody else could help. */
  readonly ignoreBackoff: boolean;
}

/**
 * Asks servers one after another until one of them helps; those that did not answer lately last. Throws what the client is to hear where
 * none does: M_NOT_FOUND where there was nobody to ask, what a server has said where that means something to a client, M_UNKNOWN with
 * status 502 otherwise.
 */
export async function askServers<Help>(
  tools: { readonly clock: Clock; readonly logger: Logger },
  wish: { readonly servers: readonly ServerName[]; readonly what: string; readonly patienceMs?: number },
  ask: (server: ServerName, asking: Asking) => Promise<Help>,
): Promise<Help> {
  const { servers, what, patienceMs = longestPatienceMs } = wish;
  if (servers.length === 0) throw notFound(`Can't ${what}: no server that is in the room is known`);
  const end = tools.clock.now() + patienceMs;
  const failures: unknown[] = [];
  const resting: ServerName[] = [];
  const attempt = async (server: ServerName, asking: Asking): Promise<{ readonly help: Help } | undefined> => {
    if (tools.clock.now() > end) return undefined;
    try {
      return { help: await ask(server, asking) };
    } catch (error) {
      if (error instanceof RemoteError && error.failure === 'backing-off') {
        resting.push(server);
        return undefined;
      }
      tools.logger.info({ err: error, server }, `could not ${what} through this server`);
      failures.push(error);
      return undefined;
    }
  };
  for (const server of servers.slice(0, mostServers)) {
    const found = await attempt(server, { ignoreBackoff: false });
    if (found) return found.help;
  }
  for (const server of resting.splice(0)) {
    const found = await attempt(server, { ignoreBackoff: true });
    if (found) return found.help;
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
