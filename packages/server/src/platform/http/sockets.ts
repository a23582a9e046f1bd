import { chmod, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';

import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { Logger } from '../observability/index.ts';
import type { ListenAddress, TlsCertificate } from './listeners.ts';
import { BUG_REPLY, type Reply } from './reply.ts';

/** An address that the server is reached at. */
export type BoundAddress =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly secure: boolean }
  | { readonly kind: 'unix'; readonly path: string };

/** Open sockets and the requests on them. */
export interface Sockets {
  readonly addresses: readonly BoundAddress[];
  /** Takes no more connections and resolves when the last request is answered. */
  close(): Promise<void>;
  /** For connections that come from now on. Throws, changing nothing, where it is none. */
  useCertificate(certificate: TlsCertificate): void;
  /** Ends every connection now. */
  cutOff(): void;
}

interface Endpoints {
  readonly address: ListenAddress;
  /** Speaks TLS with it. */
  readonly certificate: TlsCertificate | undefined;
  readonly handle: (message: IncomingMessage, response: ServerResponse) => Promise<Reply>;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
// Inline filters make long URLs; https://spec.matrix.org/v1.19/client-server-api/#filtering
const MAX_HEADER_BYTES = 64 * 1024;
const HEADERS_TIMEOUT_MS = 60_000;
const BROKEN_REQUEST = [
  'HTTP/1.1 400 Bad Request',
  'Access-Control-Allow-Origin: *',
  'Content-Type: application/json',
  'Connection: close',
  '',
  '{"errcode":"M_UNKNOWN","error":"The request is not valid HTTP"}',
].join('\r\n');

/** Opens all the sockets, or none: throws the first error after closing what was open. */
export async function openSockets(endpoints: readonly Endpoints[], logger: Logger): Promise<Sockets> {
  const servers: FastifyInstance[] = [];
  const addresses: BoundAddress[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    for (const { address, certificate, handle } of endpoints) {
      for (const one of addressesOf(address)) {
        const server = createServer(handle, logger, certificate);
        servers.push(server);
        const bound = await listen(server, one, address, logger);
        if (bound) addresses.push(bound);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses,
    close,
    useCertificate(certificate) {
      const context = tlsOptions(certificate);
      createSecureContext(context);
      for (const { server } of servers) if (server instanceof HttpsServer) server.setSecureContext(context);
    },
    cutOff: () => {
      for (const server of servers) server.server.closeAllConnections();
    },
  };
}

function addressesOf(address: ListenAddress): readonly string[] {
  return address.kind === 'tcp' ? address.addresses : [address.path];
}

/** The oldest TLS that is still held to be safe. */
const MINIMUM_TLS = 'TLSv1.2';

function tlsOptions({ chain, key }: TlsCertificate): { cert: string; key: string; minVersion: typeof MINIMUM_TLS } {
  return { cert: chain, key, minVersion: MINIMUM_TLS };
}

function createServer(handle: Endpoints['handle'], logger: Logger, certificate: TlsCertificate | undefined): FastifyInstance {
  const limits = { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS };
  const options = {
    logger: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // Paths are matched by our own table, on the URL as it came; for Fastify all requests look alike.
    rewriteUrl: () => '/',
    clientErrorHandler: (_error: Error, socket: Socket) => {
      if (socket.writable) socket.end(BROKEN_REQUEST);
      else socket.destroy();
    },
  } as const;
  const server: FastifyInstance = certificate
    ? fastify({ ...options, https: { ...limits, ...tlsOptions(certificate) } })
    : fastify({ ...options, http: limits });
  // Bodies are read by the contract's binding, after the caller is known.
  for (const method of METHODS) server.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  const respond = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    request.raw.url = request.originalUrl;
    const { status, headers, payload } = await handle(request.raw, reply.raw);
    return reply.code(status).headers(headers).send(payload);
  };
  server.route({ method: METHODS, url: '/', handler: respond });
  server.setNotFoundHandler(respond);
  server.setErrorHandler(async (error, _request, reply) => {
    logger.error({ err: error }, 'an answer could not be made');
    return reply.code(BUG_REPLY.status).headers(BUG_REPLY.headers).send(BUG_REPLY.payload);
  });
  return server;
}

async function listen(
  server: FastifyInstance,
  host: string,
  address: ListenAddress,
  logger: Logger,
): Promise<BoundAddress | undefined> {
  if (address.kind === 'unix') {
    await removeStaleSocket(address.path);
    await server.listen({ path: address.path });
    await chmod(address.path, address.mode ?? 0o666);
    return { kind: 'unix', path: address.path };
  }
  // `::` takes IPv4 too unless it is told not to, and then `0.0.0.0` would find its port taken.
  const ipv6Only = host === '::' && address.addresses.includes('0.0.0.0');
  try {
    await server.listen({ host, port: address.port, ipv6Only });
  } catch (error) {
    if (ipv6Only && isCode(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) {
      logger.warn({ port: address.port }, 'this machine has no IPv6: listening on IPv4 only');
      return undefined;
    }
    throw error;
  }
  const bound = server.server.address();
  return {
    kind: 'tcp',
    address: host,
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    secure: server.server instanceof HttpsServer,
  };
}

// A socket file outlives a process that was killed; one that still answers belongs to somebody.
async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (!found?.isSocket()) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (!alive) await rm(path);
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
