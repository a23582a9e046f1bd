import { isIP, connect as connectPlain, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type SecureContext } from 'node:tls';

import type { buildConnector } from 'undici';

import type { AddressPolicy } from './address-policy.ts';
import { connectToProxy, openTunnel, readyEvent, type ProxyAddress, type ProxyChoice } from './forward-proxy/index.ts';
import { OutgoingError, outgoingError } from './outgoing-error.ts';
import type { HostAddress, Resolver } from './resolver.ts';

/** Where a connection goes to, and who must be at its end. */
export interface OutgoingTarget {
  readonly secure: boolean;
  /** A host name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the `Host` header. */
  readonly hostHeader: string;
  /** The name that the certificate must have and that SNI tells; absent where both are the address itself. */
  readonly certificateName?: string;
  /** False: any certificate will do. */
  readonly verifyCertificate: boolean;
}

export interface ConnectorNeeds {
  readonly resolver: Resolver;
  readonly policy: AddressPolicy;
  readonly proxyFor: ProxyChoice;
  /** Made when the first connection needs it: reading all authorities takes a while. */
  readonly secureContext: () => SecureContext;
  readonly connectTimeoutMs: number;
}

/** How long one address may take before the next is tried beside it; https://www.rfc-editor.org/rfc/rfc8305 */
const NEXT_ADDRESS_AFTER_MS = 1_000;

/**
 * Opens connections to one target. Each time the name is resolved anew and exactly the addresses that passed the check are connected to,
 * so a name that changes between a check and a connection gains nothing. Where a proxy stands between, it resolves the name, and may
 * refuse; an address is checked all the same.
 */
export function createConnector(target: OutgoingTarget, needs: ConnectorNeeds): buildConnector.connector {
  const { host } = target;
  return (_options, callback) => {
    if (isIP(host) !== 0 && !needs.policy.allows(host)) {
      callback(blocked(host, [host]), null);
      return;
    }
    const proxy = needs.proxyFor(target);
    const attempt = startAttempt(host, needs.connectTimeoutMs);
    const open = async (): Promise<void> => {
      let socket: Socket;
      try {
        socket = await (proxy ? connectThrough(proxy, target, needs, attempt) : connectDirectly(target, needs, attempt));
      } catch (error) {
        return callback(outgoingError(error, host), null);
      } finally {
        attempt.end();
      }
      callback(null, socket);
    };
    void open();
  };
}

function connectDirectly(target: OutgoingTarget, needs: ConnectorNeeds, attempt: Attempt): Promise<Socket> {
  const tcp = {
    host: target.host,
    port: target.port,
    lookup: checkedLookup(needs),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER_MS,
    keepAlive: true,
    noDelay: true,
  };
  if (!target.secure) return ready(attempt.by(connectPlain(tcp)), 'connect', target.host);
  return ready(attempt.by(connectTls({ ...tcp, ...tlsOptions(target, needs) })), 'secureConnect', target.host);
}

/** To the proxy and, for TLS, through it to the host. */
async function connectThrough(
  proxy: ProxyAddress,
  target: OutgoingTarget,
  needs: ConnectorNeeds,
  attempt: Attempt,
): Promise<Socket> {
  const toProxy = await ready(attempt.by(connectToProxy(proxy, needs.secureContext)), readyEvent(proxy), proxy.host);
  if (!target.secure) return toProxy;
  try {
    await openTunnel(toProxy, proxy, target);
  } catch (error) {
    toProxy.destroy();
    throw error;
  }
  const socket = connectTls({ socket: toProxy, host: target.host, ...tlsOptions(target, needs) });
  return ready(attempt.by(socket), 'secureConnect', target.host);
}

function tlsOptions({ certificateName, verifyCertificate }: OutgoingTarget, needs: ConnectorNeeds): ConnectionOptions {
  return {
    ALPNProtocols: ['http/1.1'],
    secureContext: needs.secureContext(),
    rejectUnauthorized: verifyCertificate,
    ...(certificateName === undefined ? {} : { servername: certificateName }),
  };
}

/** One connection's time to be opened, whatever steps that takes. */
interface Attempt {
  /** The socket of the step that is under way: it is destroyed when the time is over. */
  by<S extends Socket>(socket: S): S;
  end(): void;
}

function startAttempt(host: string, timeoutMs: number): Attempt {
  let current: Socket | undefined;
  const timer = setTimeout(
    () => current?.destroy(new OutgoingError('timeout', `${host} took no connection in time`)),
    timeoutMs,
  ).unref();
  return {
    by: (socket) => (current = socket),
    end: () => clearTimeout(timer),
  };
}

/** The socket, once it can be used. */
function ready(socket: Socket, event: 'connect' | 'secureConnect', host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off('error', fail).off('close', closed).off(event, done);
      // Until its next owner listens, an error has nobody to go to.
      socket.on('error', () => undefined);
    };
    const fail = (error: Error): void => {
      settle();
      reject(outgoingError(error, host));
    };
    const done = (): void => {
      settle();
      resolve(socket);
    };
    const closed = (): void => fail(new OutgoingError('connection', `${host} closed the connection`));
    socket.once(event, done).once('error', fail).once('close', closed);
  });
}

function checkedLookup(needs: ConnectorNeeds): LookupFunction {
  return (host, options, callback) => {
    const find = async (): Promise<void> => {
      let addresses: readonly HostAddress[];
      try {
        addresses = await allowedAddresses(host, needs);
      } catch (error) {
        return callback(outgoingError(error, host), []);
      }
      const [first] = addresses;
      if (options.all || !first) callback(null, inTurns(addresses));
      else callback(null, first.address, first.family);
    };
    void find();
  };
}

async function allowedAddresses(host: string, { resolver, policy }: ConnectorNeeds): Promise<readonly HostAddress[]> {
  let found: readonly HostAddress[];
  try {
    found = await resolver.addresses(host);
  } catch (error) {
    throw new OutgoingError('name', `${host} could not be resolved`, error);
  }
  if (found.length === 0) throw new OutgoingError('name', `${host} has no address`);
  const addresses = found.filter(({ address }) => policy.allows(address));
  if (addresses.length > 0) return addresses;
  throw blocked(
    host,
    found.map(({ address }) => address),
  );
}

/** The families by turns, IPv6 first, so that one that leads nowhere costs one attempt. */
function inTurns(addresses: readonly HostAddress[]): HostAddress[] {
  const six = addresses.filter(({ family }) => family === 6);
  const four = addresses.filter(({ family }) => family === 4);
  return Array.from({ length: Math.max(six.length, four.length) }, (_, index) => [six[index], four[index]])
    .flat()
    .filter((address) => address !== undefined);
}

function blocked(host: string, addresses: readonly string[]): OutgoingError {
  return new OutgoingError('blocked', `${host} has only addresses that requests must not go to: ${addresses.join(', ')}`);
}
