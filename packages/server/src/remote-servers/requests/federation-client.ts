import { parseJson } from '@myelin/protocol/canonical-json';
import type { ServerName } from '@myelin/protocol/identifiers';
import type { SigningKey } from '@myelin/protocol/signatures';

import type { Clock } from '../../platform/clock.ts';
import { type OutgoingClient, OutgoingError, type OutgoingTarget, type StreamedAnswer } from '../../platform/outgoing/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Discovery } from '../discovery/index.ts';
import type { DestinationHealth } from '../health/index.ts';
import { RemoteError } from '../remote-error.ts';
import { readBody, refusal, remoteErrorOf } from './answers.ts';
import type { PlainCall } from './contract-call.ts';
import { authorize } from './signed-request.ts';

/** `federation.*` of homeserver.yaml; times in milliseconds. */
export interface RequestSettings {
  readonly timeout: number;
  readonly maxShortRetries: number;
  readonly maxShortRetryDelay: number;
  readonly maxLongRetries: number;
  readonly maxLongRetryDelay: number;
}

export interface RequestOptions {
  /** From the start to the answer's end, in milliseconds; by default `federation.client_timeout`. */
  readonly timeoutMs?: number;
  /** The largest answer in bytes; 16 MiB by default. */
  readonly maxBytes?: number;
  /** Tried even if the server has failed and its pause is not over. */
  readonly ignoreBackoff?: boolean;
  /** Whether a failure is tried again: `short` while somebody waits for the answer, `long` in the background. Default: not. */
  readonly retry?: 'short' | 'long';
  readonly signal?: AbortSignal;
  /** How the answer's text becomes a value; `parseJson` by default, `parseExactJson` to hash events of old room versions. */
  readonly parse?: (text: string) => unknown;
}

export interface FederationClientNeeds {
  readonly serverName: ServerName;
  readonly signingKey: SigningKey;
  readonly client: OutgoingClient;
  readonly discovery: Discovery;
  readonly health: DestinationHealth;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: RequestSettings;
  /** `federation_domain_whitelist`. */
  readonly federatesWith: (server: ServerName) => boolean;
  /** Whether the certificate of that host is to be verified. */
  readonly verifiesCertificateOf: (host: string) => boolean;
}

/** Sends requests to other servers; rejects with a `RemoteError`. */
export interface FederationClient {
  /** The JSON of a successful answer. */
  json(destination: ServerName, call: PlainCall, options?: RequestOptions): Promise<unknown>;
  /** The body of a successful answer as a stream, for what is too large to hold. Destroy it when it is not read to its end. */
  stream(destination: ServerName, call: PlainCall, options?: RequestOptions): Promise<StreamedAnswer>;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const FIRST_RETRY_DELAY_MS = 500;

export function createFederationClient(needs: FederationClientNeeds): FederationClient {
  const { serverName, signingKey, client, discovery, health, clock, random, settings } = needs;

  const attempt = async (destination: ServerName, call: PlainCall, options: RequestOptions): Promise<StreamedAnswer> => {
    const startedAt = clock.monotonic();
    const { method, path: uri, body: content } = call;
    const headers = {
      authorization: authorize({ method, uri, origin: serverName, destination, content }, signingKey),
      accept: 'application/json',
      ...(content === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const request = {
      method,
      path: uri,
      headers,
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      timeoutMs: options.timeoutMs ?? settings.timeout,
      maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
      ...(options.signal && { signal: options.signal }),
    };
    let failure: OutgoingError | undefined;
    for (const place of await discovery.find(destination)) {
      const target: OutgoingTarget = {
        ...place,
        secure: true,
        verifyCertificate: needs.verifiesCertificateOf(place.certificateName ?? place.host),
      };
      try {
        return await client.stream(target, request);
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error;
        failure = error;
        // Who is slow or is given up on is not asked at the next place as well.
        if (error.failure === 'timeout' || error.failure === 'cancelled') break;
      }
    }
    if (failure?.failure !== 'cancelled') {
      discovery.forget(destination);
      health.failed(destination, startedAt);
    }
    throw remoteErrorOf(failure, destination);
  };

  const once = async (destination: ServerName, call: PlainCall, options: RequestOptions): Promise<StreamedAnswer> => {
    if (destination === serverName) throw new RemoteError('not-allowed', 'this server does not ask itself over the network');
    if (!needs.federatesWith(destination))
      throw new RemoteError('not-allowed', `this server does not federate with ${destination}`);
    if (!options.ignoreBackoff && !(await health.mayTry(destination))) {
      throw new RemoteError('backing-off', `${destination} did not answer lately and is not asked again yet`);
    }
    const startedAt = clock.monotonic();
    const answer = await attempt(destination, call, options);
    if (answer.status >= 200 && answer.status < 300) {
      health.succeeded(destination);
      return answer;
    }
    const error = await refusal(answer, destination);
    // Proxies say so of a server that is down; what explains itself in Matrix's own words is alive.
    if (answer.status >= 502 || (answer.status >= 500 && error.errcode === undefined)) health.failed(destination, startedAt);
    else health.succeeded(destination);
    throw error;
  };

  const withRetries = async <T>(options: RequestOptions, work: () => Promise<T>): Promise<T> => {
    const [retries, longest] =
      options.retry === 'short'
        ? [settings.maxShortRetries, settings.maxShortRetryDelay]
        : options.retry === 'long'
          ? [settings.maxLongRetries, settings.maxLongRetryDelay]
          : [0, 0];
    for (let retry = 0; ; retry++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RemoteError) || retry >= retries || !worthRetrying(error) || options.signal?.aborted) throw error;
        const plain = Math.min(longest, FIRST_RETRY_DELAY_MS * 2 ** retry);
        const delay = error.retryAfterMs ?? (plain * random.integer(800, 1_200)) / 1_000;
        if (delay > longest * 1.2) throw error;
        await clock.sleep(delay, options.signal);
      }
    }
  };
  /** Those of one call ask the same server on purpose: the pause after a failure is for the calls that come later. */
  const insisting = (options: RequestOptions, first: boolean): RequestOptions =>
    first ? options : { ...options, ignoreBackoff: true };

  return {
    json(destination, call, options = {}) {
      let first = true;
      return withRetries(options, async () => {
        const answer = await once(destination, call, insisting(options, first)).finally(() => (first = false));
        const text = await readBody(answer, destination);
        try {
          return options.parse ? options.parse(text) : parseJson(text);
        } catch (cause) {
          throw new RemoteError('bad-answer', `${destination} answered with what is no JSON`, { status: answer.status, cause });
        }
      });
    },
    stream(destination, call, options = {}) {
      let first = true;
      return withRetries(options, () => once(destination, call, insisting(options, first)).finally(() => (first = false)));
    },
  };
}

function worthRetrying(error: RemoteError): boolean {
  if (error.failure === 'unreachable' || error.failure === 'timed-out') return true;
  return error.failure === 'refused' && (error.status === 429 || (error.status ?? 0) >= 500);
}
