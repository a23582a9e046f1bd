import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type { Certificate } from './certificate-authority.ts';

/** One request as a site got it. */
export interface SiteRequest {
  readonly method: string;
  readonly url: string;
  readonly host: string | undefined;
  /** The name that the client asked for by SNI; undefined where it asked for none. */
  readonly sni: string | undefined;
}

/** An HTTPS server on a loopback address that answers as a test says. */
export interface TlsSite {
  readonly address: string;
  readonly port: number;
  readonly requests: readonly SiteRequest[];
  /** How many connections it has taken. */
  readonly connections: number;
  close(): Promise<void>;
}

export async function startTlsSite(
  { certificate, key }: Certificate,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  at: { readonly address?: string; readonly port?: number } = {},
): Promise<TlsSite> {
  const requests: SiteRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const { servername } = request.socket as TLSSocket & { readonly servername?: string | false };
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      host: request.headers.host,
      sni: servername || undefined,
    });
    answer(request, response);
  });
  server.on('secureConnection', () => connections++);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Clients that break off are part of the tests.
  server.on('tlsClientError', () => undefined);
  const address = at.address ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port ?? 0, address, resolve);
  });
  return {
    address,
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
