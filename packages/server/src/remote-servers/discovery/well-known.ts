import { isJsonObject, own, parseJson } from '@myelin/protocol/canonical-json';
import { parseServerName, type ServerNameParts } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import { type OutgoingClient, OutgoingError } from '../../platform/outgoing/index.ts';
import type { Random } from '../../platform/random.ts';
import { ExpiringMap } from '../expiring-map.ts';
import { type CacheBounds, cacheTime } from './cache-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** As the spec recommends them, with a least time so that nobody makes us ask at each request. */
const ANSWERS: CacheBounds = { byDefault: 24 * HOUR, least: 5 * MINUTE, most: 48 * HOUR };
const FIRST_FAILURE_HOLDS_MS = 2 * MINUTE;
const FAILURES_HOLD_AT_MOST_MS = HOUR;
const MAX_BYTES = 50 * 1024;
const MAX_REDIRECTS = 5;
const TIMEOUT_MS = 20_000;
const REMEMBERED = 20_000;

export interface WellKnownNeeds {
  readonly client: OutgoingClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly verifiesCertificateOf?: (host: string) => boolean;
  /** The port that `https:` means; another only where a test cannot have 443. */
  readonly port?: number;
}

/** Asks hosts to whom they have delegated; undefined: to nobody, as far as can be told. */
export interface WellKnown {
  delegateOf(host: string): Promise<ServerNameParts | undefined>;
  /** Asks anew next time. */
  forget(host: string): void;
}

type Known = { readonly delegate: ServerNameParts | undefined };

/**
 * https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver, remembered by the answer's headers within bounds; what is
 * no good answer is remembered too, for longer each time it happens again.
 */
export function createWellKnown({
  client,
  clock,
  random,
  verifiesCertificateOf = () => true,
  port = 443,
}: WellKnownNeeds): WellKnown {
  const known = new ExpiringMap<Known>(clock, REMEMBERED);
  const failures = new ExpiringMap<number>(clock, REMEMBERED);
  /** What was true last time, for hosts that fail for a while; nobody moves because of an hour's outage. */
  const lastGood = new ExpiringMap<ServerNameParts>(clock, REMEMBERED);
  const underWay = new Map<string, Promise<ServerNameParts | undefined>>();

  const ask = async (host: string): Promise<ServerNameParts | undefined> => {
    const url = `https://${host}${port === 443 ? '' : `:${port}`}/.well-known/matrix/server`;
    const found = await fetchDelegate(client, url, { clock, verifiesCertificateOf });
    if (found.delegate) {
      failures.delete(host);
      known.set(host, { delegate: found.delegate }, withJitter(found.holdsMs, random));
      lastGood.set(host, found.delegate, ANSWERS.most);
      return found.delegate;
    }
    const before = failures.get(host) ?? 0;
    const holdsMs = Math.min(FAILURES_HOLD_AT_MOST_MS, FIRST_FAILURE_HOLDS_MS * 2 ** before);
    failures.set(host, before + 1, 24 * HOUR);
    // A host that answers and has no such file has no delegate; one that is out of reach may still have the one it had.
    const delegate = found.reached ? undefined : lastGood.get(host);
    known.set(host, { delegate }, withJitter(holdsMs, random));
    return delegate;
  };

  return {
    delegateOf(host) {
      const remembered = known.get(host);
      if (remembered) return Promise.resolve(remembered.delegate);
      let asked = underWay.get(host);
      if (!asked) {
        asked = ask(host).finally(() => underWay.delete(host));
        underWay.set(host, asked);
      }
      return asked;
    },
    forget: (host) => known.delete(host),
  };
}

async function fetchDelegate(
  client: OutgoingClient,
  url: string,
  { clock, verifiesCertificateOf }: { readonly clock: Clock; readonly verifiesCertificateOf: (host: string) => boolean },
): Promise<{ readonly delegate?: ServerNameParts; readonly holdsMs: number; readonly reached: boolean }> {
  try {
    const answer = await client.sendTo(url, {
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      maxRedirects: MAX_REDIRECTS,
      verifiesCertificateOf,
    });
    const delegate = answer.status === 200 ? delegateIn(answer.body) : undefined;
    return {
      ...(delegate && { delegate }),
      holdsMs: cacheTime(answer.headers, clock.now(), ANSWERS),
      reached: answer.status < 500,
    };
  } catch (error) {
    if (error instanceof OutgoingError) return { holdsMs: 0, reached: false };
    throw error;
  }
}

function delegateIn(body: Buffer): ServerNameParts | undefined {
  let json: unknown;
  try {
    json = parseJson(body.toString('utf8'));
  } catch {
    // Whatever is wrong with it, the spec goes on as if there were no such file.
    return undefined;
  }
  const name = isJsonObject(json) ? own(json, 'm.server') : undefined;
  return typeof name === 'string' ? parseServerName(name) : undefined;
}

/** A tenth earlier or later, so that what was asked together is not asked together again. */
function withJitter(ms: number, random: Random): number {
  return ms * (random.integer(900, 1_100) / 1_000);
}
