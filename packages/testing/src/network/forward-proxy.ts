import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Certificate } from './certificate-authority.ts';

/** A proxy between servers and the world, on a loopback address. */
export interface ForwardProxy {
  readonly port: number;
  /** What it was asked for: `CONNECT hive.test:8448`, `GET http://hive.test/`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts one. Wherever it is asked to go, it goes to the loopback address, at the port that `portOf` gives for an authority; where that
 * gives none, it refuses.
 */
export async function startForwardProxy(options: {
  readonly portOf: (authority: string) => number | undefined;
  /** `user:password` that it asks for. */
  readonly credentials?: string;
  /** TLS between its clients and itself. */
  readonly certificate?: Certificate;
  /** Where it leads to; 127.0.0.1 unless given. */
  readonly address?: string;
}): Promise<ForwardProxy> {
  const { portOf, credentials, certificate, address = '127.0.0.1' } = options;
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const track = (socket: Duplex): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
  };
  const maySpeak = ({ headers }: IncomingMessage): boolean =>
    credentials === undefined || headers['proxy-authorization'] === `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server: Server = certificate ? createTlsServer({ cert: certificate.certificate, key: certificate.key }) : createServer();
  server.on('connection', (socket: Socket) => track(socket));
  server.on('secureConnection', (socket: Socket) => track(socket));
  server.on('connect', (incoming: IncomingMessage, client: Duplex) => {
    asked.push(`CONNECT ${incoming.url}`);
    if (!maySpeak(incoming)) return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const port = portOf(incoming.url ?? '');
    if (port === undefined) return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const host = connect(port, address, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      host.pipe(client).pipe(host);
    });
    track(host);
    host.once('close', () => client.destroy());
    client.once('close', () => host.destroy());
  });
  server.on('request', (incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const url = new URL(incoming.url ?? '/', 'http://none.invalid');
    const port = maySpeak(incoming) ? portOf(url.port === '' ? `${url.hostname}:80` : url.host) : undefined;
    if (port === undefined) return void outgoing.writeHead(maySpeak(incoming) ? 403 : 407).end();
    const headers = { ...incoming.headers, host: url.host };
    const forwarded = httpRequest(
      { host: address, port, method: incoming.method, path: url.pathname + url.search, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
