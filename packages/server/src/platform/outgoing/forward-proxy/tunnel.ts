import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';

import { OutgoingError, outgoingError } from '../outgoing-error.ts';
import type { ProxyAddress } from './choose-proxy.ts';

/** The proxy's answer is a line and some headers; one that goes on for longer is no proxy. */
const maxHeadBytes = 16 * 1024;

/** A connection to the proxy itself. The operator has named it, so it may be anywhere; one with TLS must prove its name. */
export function connectToProxy(proxy: ProxyAddress, secureContext: () => SecureContext): Socket {
  const { host, port, secure } = proxy;
  const tcp = { host, port, keepAlive: true, noDelay: true, autoSelectFamily: true };
  return secure ? connectTls({ ...tcp, ALPNProtocols: ['http/1.1'], secureContext: secureContext() }) : connectPlain(tcp);
}

/** The event of a connection to the proxy that says that it can be used. */
export function readyEvent(proxy: ProxyAddress): 'connect' | 'secureConnect' {
  return proxy.secure ? 'secureConnect' : 'connect';
}

/** What the proxy is told of who asks; nothing where it does not want to know. */
export function proxyAuthorization({ credentials }: ProxyAddress): Record<string, string> {
  if (credentials === undefined) return {};
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/**
 * Asks the proxy, over a connection to it, for a way through to a host. Afterwards the connection is one to that host. Rejects with an
 * `OutgoingError`; whoever destroys the connection ends the wait. https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export function openTunnel(
  socket: Socket,
  proxy: ProxyAddress,
  target: { readonly host: string; readonly port: number },
): Promise<void> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const headers = { host: authority, ...proxyAuthorization(proxy) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    let head = '';
    const end = (outcome: () => void): void => {
      socket.off('data', read).off('close', closed).off('error', failed);
      outcome();
    };
    const refuse = (reason: string): void =>
      end(() => reject(new OutgoingError('connection', `the proxy ${proxy.host} ${reason}`)));
    const failed = (error: Error): void => end(() => reject(outgoingError(error, `the proxy ${proxy.host}`)));
    const closed = (): void => refuse(`closed the connection to ${target.host}`);
    const read = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const length = head.indexOf('\r\n\r\n');
      if (length < 0) {
        if (head.length > maxHeadBytes) refuse('did not answer with HTTP');
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
      if (status === undefined) return refuse('did not answer with HTTP');
      if (!status.startsWith('2')) return refuse(`leads nobody to ${authority}: it answered ${status}`);
      // A host that spoke before it was spoken to would be none that speaks TLS.
      if (head.length > length + 4) return refuse(`sent more than its answer about ${target.host}`);
      socket.pause();
      end(resolve);
    };
    socket.on('data', read).once('close', closed).once('error', failed);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\n${lines.join('')}\r\n`);
  });
}
