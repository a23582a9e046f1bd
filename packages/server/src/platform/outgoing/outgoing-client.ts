import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { SecureContext } from 'node:tls';

import type { Pool } from 'undici';

import type { Clock } from '../clock.ts';
import type { AddressPolicy } from './address-policy.ts';
import { readBytes, unpacked } from './answer-body.ts';
import { type OutgoingTarget, createConnector } from './connector.ts';
import { direct, proxyAuthorization, type ProxyChoice } from './forward-proxy/index.ts';
import { OutgoingError, type OutgoingFailure, outgoingError } from './outgoing-error.ts';
import { followRedirects } from './redirects.ts';
import type { Resolver } from './resolver.ts';

export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query, sent as they are. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From the call to the end of the answer's body, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest body of the answer in bytes, once it is decompressed. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}
export interface OutgoingAnswer extends AnswerHead {
  readonly body: Buffer;
}
export interface StreamedAnswer extends AnswerHead {
  /** Decompressed. Fails with an `OutgoingError`; destroy it when it is not read to its end. */
  readonly body: Readable;
}

/** A request to a URL, which may lead on to others. */
export interface UrlRequest extends Omit<OutgoingRequest, 'path' | 'method'> {
  readonly method?: OutgoingRequest['method'];
  /** How many redirects to follow; each is checked like the first address. 0: the redirect is the answer. */
  readonly maxRedirects: number;
  /** False: TLS from the first to the last. */
  readonly allowPlain?: boolean;
  /** Whether a host's certificate is verified; without it, every host's is. */
  readonly verifiesCertificateOf?: (host: string) => boolean;
}
/** `url`: where the answer came from in the end. */
export type UrlAnswer = OutgoingAnswer & { readonly url: string };

export interface OutgoingClientNeeds {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly policy: AddressPolicy;
  readonly secureContext: () => SecureContext;
  readonly userAgent: string;
  /** Which requests go through a forward proxy; none unless given. */
  readonly proxyFor?: ProxyChoice;
  /** How long a connection may take to be opened, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Connections to one target at most; further requests wait. */
  readonly connectionsPerTarget?: number;
  /** How many targets are remembered with their open connections; the one that was used longest ago goes first. */
  readonly maxTargets?: number;
}

/** How many requests were made, and how many of them failed in which way. */
export interface OutgoingCounts {
  readonly requests: number;
  readonly failures: Readonly<Record<OutgoingFailure, number>>;
}

/**
 * The way out for every request to a host that a stranger named. Names are resolved by us, addresses are checked when a connection is
 * opened, time and size are bounded. All methods reject with an `OutgoingError` where there is no answer, whatever its status.
 */
export interface OutgoingClient {
  send(target: OutgoingTarget, request: OutgoingRequest): Promise<OutgoingAnswer>;
  /** The same with the body as a stream, for answers that are too large to hold. */
  stream(target: OutgoingTarget, request: OutgoingRequest): Promise<StreamedAnswer>;
  sendTo(url: string, request: UrlRequest): Promise<UrlAnswer>;
  readonly counts: OutgoingCounts;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 30_000;
// A connection that the other side closes while we send on it was idle: the request may be repeated if it may be repeated at all.
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);

/** Makes the client. */
export function createOutgoingClient(needs: OutgoingClientNeeds): OutgoingClient {
  const { clock, proxyFor = direct, connectTimeoutMs = 10_000, connectionsPerTarget = 16, maxTargets = 1_000 } = needs;
  const pools = new Map<string, { readonly pool: Pool; used: boolean }>();
  const failures: Record<OutgoingFailure, number> = {
    name: 0,
    blocked: 0,
    connection: 0,
    certificate: 0,
    timeout: 0,
    'too-large': 0,
    malformed: 0,
    redirect: 0,
    cancelled: 0,
  };
  let requests = 0;
  let closed = false;

  const poolFor = async (target: OutgoingTarget): Promise<{ readonly pool: Pool; used: boolean }> => {
    // A tenth of a second and 20 MB that a server which talks to nobody does not need.
    const { Pool } = await import('undici');
    const key = JSON.stringify([
      target.secure,
      target.host,
      target.port,
      target.hostHeader,
      target.certificateName,
      target.verifyCertificate,
    ]);
    const known = pools.get(key);
    if (known) {
      pools.delete(key);
      pools.set(key, known);
      return known;
    }
    const made = {
      used: false,
      pool: new Pool(target.secure ? 'https://target.invalid' : 'http://target.invalid', {
        connect: createConnector(target, { ...needs, proxyFor, connectTimeoutMs }),
        connections: connectionsPerTarget,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
        // The one deadline of each request is its own.
        headersTimeout: 0,
        bodyTimeout: 0,
      }),
    };
    pools.set(key, made);
    if (pools.size > maxTargets) {
      const [oldest] = pools;
      if (oldest) {
        pools.delete(oldest[0]);
        // Lets what is under way finish.
        void oldest[1].pool.close();
      }
    }
    return made;
  };

  const open = async (
    target: OutgoingTarget,
    request: OutgoingRequest,
    signal: AbortSignal,
    retry = true,
  ): Promise<StreamedAnswer> => {
    const known = await poolFor(target);
    const reused = known.used;
    // A proxy is told of plain requests by their whole URL; for others it opens a way through.
    const proxy = target.secure ? undefined : proxyFor(target);
    try {
      const answer = await known.pool.request({
        method: request.method,
        path: proxy ? `http://${target.hostHeader}${request.path}` : request.path,
        headers: {
          'user-agent': needs.userAgent,
          'accept-encoding': 'gzip',
          ...request.headers,
          ...(proxy && proxyAuthorization(proxy)),
          host: target.hostHeader,
        },
        body: request.body ?? null,
        signal,
      });
      known.used = true;
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: unpacked(answer.body, {
          encoding: answer.headers['content-encoding'],
          maxBytes: request.maxBytes,
          host: target.host,
        }),
      };
    } catch (error) {
      const failure = signal.reason instanceof OutgoingError ? signal.reason : outgoingError(error, target.host);
      const idleConnectionEnded = reused && failure.failure === 'connection' && REPEATABLE.has(request.method);
      if (retry && idleConnectionEnded && !signal.aborted) return open(target, request, signal, false);
      throw failure;
    }
  };

  const stream = async (target: OutgoingTarget, request: OutgoingRequest): Promise<StreamedAnswer> => {
    if (closed) throw new OutgoingError('cancelled', `no request goes to ${target.host}: the server stops`);
    requests++;
    const deadline = startDeadline(request, target.host, clock);
    try {
      const answer = await open(target, request, deadline.signal);
      answer.body.once('close', deadline.end);
      deadline.signal.addEventListener('abort', () => answer.body.destroy(deadline.signal.reason as Error), { once: true });
      return answer;
    } catch (error) {
      deadline.end();
      throw counted(error);
    }
  };
  const counted = (error: unknown): unknown => {
    if (error instanceof OutgoingError) failures[error.failure]++;
    return error;
  };

  const send = async (target: OutgoingTarget, request: OutgoingRequest): Promise<OutgoingAnswer> => {
    const { body, ...head } = await stream(target, request);
    try {
      return { ...head, body: await readBytes(body, target.host) };
    } catch (error) {
      throw counted(error);
    }
  };

  return {
    send,
    stream,
    sendTo: (url, request) => followRedirects(url, request, send),
    get counts() {
      return { requests, failures };
    },
    async close() {
      closed = true;
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
      pools.clear();
    },
  };
}

/** A signal that aborts at the request's deadline and when its caller's does. */
function startDeadline(
  { timeoutMs, signal }: OutgoingRequest,
  host: string,
  clock: Clock,
): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const late = clock.schedule(timeoutMs, () =>
    controller.abort(new OutgoingError('timeout', `${host} did not answer within ${timeoutMs} ms`)),
  );
  const cancel = (): void => controller.abort(new OutgoingError('cancelled', `the request to ${host} was given up`));
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      late.cancel();
      signal?.removeEventListener('abort', cancel);
    },
  };
}
