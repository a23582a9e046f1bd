import type { IncomingMessage, ServerResponse } from 'node:http';

import { MatrixError, unrecognized } from '@myelin/protocol/errors';

import type { Clock } from '../clock.ts';
import type { Logger } from '../observability/index.ts';
import { type BindNeeds, type BoundRoute, bindEndpoint } from './bind-endpoint.ts';
import { Exchange, LongPolls } from './exchange.ts';
import { type Listener, servedResources, type TlsCertificate } from './listeners.ts';
import { createPathTable, type PathTable } from './path-table.ts';
import { BUG_REPLY, compressed, errorReply, PREFLIGHT, type Reply, replyOf } from './reply.ts';
import { type BoundAddress, openSockets, type Sockets } from './sockets.ts';
import type { Authenticators, RequestLimiter, Route } from './types.ts';

export interface HttpSettings {
  readonly listeners: readonly Listener[];
  /** For listeners with TLS: asked when the server starts to listen and at each `reloadCertificate`. */
  readonly certificate?: () => TlsCertificate;
  /** Largest request body in bytes, before and after decompression, where a route says nothing else. */
  readonly maxBodyBytes: number;
  /** How deep a JSON body may nest. */
  readonly maxJsonDepth: number;
  /** Access tokens may stand in the query string; https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens */
  readonly accessTokenInQuery: boolean;
}

export interface HttpServerNeeds {
  readonly routes: readonly Route[];
  readonly authenticators: Authenticators;
  /** By the names that contracts use in `rateLimit`. */
  readonly limiters: Readonly<Record<string, RequestLimiter>>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly settings: HttpSettings;
}

export interface HttpServer {
  /** Starts to listen everywhere; throws when an address cannot be had, with nothing left open. Resolves with what was bound. */
  listen(): Promise<readonly BoundAddress[]>;
  /** Reads the certificate again; connections that are open keep theirs. Throws, changing nothing, where it is none. */
  reloadCertificate(): void;
  /**
   * Stops in order: takes no more connections, ends long polls with what they have (their `signal` aborts), lets the other
   * requests finish, and cuts off what is still there after `graceMs` milliseconds.
   */
  stop(graceMs: number): Promise<void>;
}

interface Served {
  readonly answer: BoundRoute;
  readonly compress: boolean;
}

/** Puts the routes on the listeners. Throws an Error when two routes want the same path or one names what is not there. */
export function createHttpServer(needs: HttpServerNeeds): HttpServer {
  const { routes, settings, logger } = needs;
  const longPolls = new LongPolls();
  const bindNeeds: BindNeeds = needs;
  const bound = routes.map((route) => ({ route, answer: bindEndpoint(route, bindNeeds) }));
  const tables = settings.listeners.map((listener) => tableFor(listener, bound));
  let open: Sockets | undefined;
  return {
    async listen() {
      open = await openSockets(
        settings.listeners.map((listener, index) => ({
          address: listener.address,
          certificate: listener.tls ? certificateFor(settings) : undefined,
          handle: createDispatcher(tables[index] ?? createPathTable(), { ...needs, xForwarded: listener.xForwarded, longPolls }),
        })),
        logger,
      );
      return open.addresses;
    },
    reloadCertificate() {
      if (settings.listeners.some(({ tls }) => tls)) open?.useCertificate(certificateFor(settings));
    },
    async stop(graceMs) {
      const closed = open?.close();
      longPolls.end();
      const cutOff = needs.clock.schedule(graceMs, () => open?.cutOff());
      await closed;
      cutOff.cancel();
    },
  };
}

function certificateFor({ certificate }: HttpSettings): TlsCertificate {
  if (!certificate) throw new Error('A listener speaks TLS, but there is no certificate');
  return certificate();
}

function tableFor(listener: Listener, bound: readonly { route: Route; answer: BoundRoute }[]): PathTable<Served> {
  const table = createPathTable<Served>();
  const resources = servedResources(listener);
  for (const { route, answer } of bound) {
    const resource = resources.get(route.resource);
    if (!resource) continue;
    const { method, path, aliases } = route.contract;
    const served: Served = { answer, compress: resource.compress };
    for (const pattern of [path, ...(aliases ?? [])]) table.add(method, pattern, served);
  }
  return table;
}

type Dispatcher = (message: IncomingMessage, response: ServerResponse) => Promise<Reply>;

let requestCount = 0;

function createDispatcher(
  table: PathTable<Served>,
  context: Pick<HttpServerNeeds, 'logger' | 'clock'> & { readonly xForwarded: boolean; readonly longPolls: LongPolls },
): Dispatcher {
  const { logger, clock } = context;
  return async (message, response) => {
    const exchange = new Exchange(`${message.method}-${++requestCount}`, clock.monotonic(), message, response, context);
    response.once('close', () => logRequest(exchange, response, context));
    const reply = await answerOf(table, exchange, message, logger);
    return { ...reply, headers: { ...reply.headers, 'x-request-id': exchange.id } };
  };
}

async function answerOf(table: PathTable<Served>, exchange: Exchange, message: IncomingMessage, logger: Logger): Promise<Reply> {
  if (exchange.method === 'OPTIONS') return PREFLIGHT;
  let served: Served | undefined;
  let reply: Reply;
  try {
    const match = table.find(exchange.path);
    if (!match) throw unrecognized(404);
    const { method } = exchange;
    served = match.methods.get(method) ?? (method === 'HEAD' ? match.methods.get('GET') : undefined);
    if (!served) throw unrecognized(405);
    reply = replyOf(await served.answer(exchange, message, match.params));
  } catch (error) {
    reply = isGone(message) ? CLIENT_GONE : replyToError(error, exchange, logger);
  }
  if (!message.readableEnded && hasBody(message)) {
    // Nobody will read the rest of what the client may still send, so the connection cannot be used again.
    reply = { ...reply, headers: { ...reply.headers, connection: 'close' } };
  }
  return served?.compress ? compressed(reply, exchange.headers['accept-encoding']) : reply;
}

// What fails because the client went away in the middle of its request is nobody's bug, and nobody hears the answer.
const CLIENT_GONE = errorReply(new MatrixError('M_UNKNOWN', 'The request ended before its body', { status: 400 }));

function isGone(message: IncomingMessage): boolean {
  return message.destroyed && !message.complete;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function replyToError(error: unknown, exchange: Exchange, logger: Logger): Reply {
  if (error instanceof MatrixError) {
    if (error.cause !== undefined) logger.debug({ req: exchange.id, err: error.cause }, 'why a request was refused');
    return errorReply(error);
  }
  logger.error({ req: exchange.id, method: exchange.method, url: exchange.url, err: error }, 'a request failed by a bug');
  return BUG_REPLY;
}

function logRequest(exchange: Exchange, response: ServerResponse, { logger, clock }: { logger: Logger; clock: Clock }): void {
  // Probes ask every few seconds.
  const level = exchange.path === '/health' ? 'debug' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  const { id: req, method, url, who, ip, userAgent } = exchange;
  // 499 is what proxies log for a client that did not wait.
  const status = response.writableFinished ? response.statusCode : 499;
  const ms = Math.round((clock.monotonic() - exchange.startedAt) * 10) / 10;
  logger[level]({ req, method, url, status, ms, who, ip, userAgent }, 'request');
}
