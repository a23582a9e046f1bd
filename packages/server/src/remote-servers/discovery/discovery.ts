import { parseServerName, type ServerName, type ServerNameParts } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { OutgoingTarget, Resolver, SrvRecord } from '../../platform/outgoing/index.ts';
import type { Random } from '../../platform/random.ts';
import { ExpiringMap } from '../expiring-map.ts';
import { srvOrder } from './srv-order.ts';
import type { WellKnown } from './well-known.ts';

/** Where a server may be reached: the places are tried in this order. */
export type Whereabouts = readonly Omit<OutgoingTarget, 'verifyCertificate' | 'secure'>[];

export interface DiscoveryNeeds {
  readonly resolver: Resolver;
  readonly wellKnown: WellKnown;
  readonly clock: Clock;
  readonly random: Random;
}

/** Finds servers by their names. */
export interface Discovery {
  /** Never empty: without any record the name itself is tried. Throws an Error for what is no server name. */
  find(server: ServerName): Promise<Whereabouts>;
  /** Looks anew next time: what was found led nowhere. */
  forget(server: ServerName): void;
}

const DEFAULT_PORT = 8448;
const MINUTE = 60_000;
/** DNS answers hold as long as they say, within these bounds; where the resolver does not tell, as long as most records. */
const SRV_HOLDS = { byDefault: 5 * MINUTE, least: MINUTE, most: 24 * 60 * MINUTE };
const SRV_FAILURE_HOLDS_MS = MINUTE;
const REMEMBERED = 20_000;

/** https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names */
export function createDiscovery({ resolver, wellKnown, clock, random }: DiscoveryNeeds): Discovery {
  const services = new ExpiringMap<readonly SrvRecord[]>(clock, REMEMBERED);

  const underWay = new Map<string, Promise<readonly SrvRecord[]>>();

  const ask = async (name: string): Promise<readonly SrvRecord[]> => {
    try {
      const { records, ttlMs = SRV_HOLDS.byDefault } = await resolver.services(name);
      services.set(name, records, Math.min(SRV_HOLDS.most, Math.max(SRV_HOLDS.least, ttlMs)));
      return records;
    } catch {
      // Nobody could tell: as the spec has no step for this, it counts as "no record", for a short while.
      services.set(name, [], SRV_FAILURE_HOLDS_MS);
      return [];
    }
  };
  const serviceRecords = async (name: string): Promise<readonly SrvRecord[]> => {
    const known = services.get(name);
    if (known) return known;
    let asked = underWay.get(name);
    if (!asked) {
      asked = ask(name).finally(() => underWay.delete(name));
      underWay.set(name, asked);
    }
    return asked;
  };

  /** Steps 4 to 6, and 3.3 to 3.5 for a delegate. */
  const byRecords = async (host: string): Promise<Whereabouts> => {
    for (const service of ['_matrix-fed._tcp', '_matrix._tcp']) {
      const records = srvOrder(await serviceRecords(`${service}.${host}`), random);
      if (records.length > 0)
        return records.map(({ name, port }) => ({
          host: name.replace(/\.$/, ''),
          port,
          hostHeader: host,
          certificateName: host,
        }));
    }
    return [{ host, port: DEFAULT_PORT, hostHeader: host, certificateName: host }];
  };

  return {
    async find(server) {
      const parts = partsOf(server);
      // Steps 1 and 2.
      const direct = withoutRecords(parts);
      if (direct) return [direct];
      // Step 3.
      const delegate = await wellKnown.delegateOf(parts.host);
      if (!delegate) return byRecords(parts.host);
      // Steps 3.1 and 3.2.
      const delegated = withoutRecords(delegate);
      return delegated ? [delegated] : byRecords(delegate.host);
    },
    forget(server) {
      const { host } = partsOf(server);
      wellKnown.forget(host);
      for (const service of ['_matrix-fed._tcp', '_matrix._tcp']) services.delete(`${service}.${host}`);
    },
  };
}

function partsOf(server: ServerName): ServerNameParts {
  const parts = parseServerName(server);
  if (!parts) throw new Error(`${JSON.stringify(server)} is no server name`);
  return parts;
}

/** The one place of a name that is an address or has a port; undefined for others. */
function withoutRecords({ name, kind, host, port }: ServerNameParts): Whereabouts[number] | undefined {
  if (kind !== 'dns') return { host, port: port ?? DEFAULT_PORT, hostHeader: name };
  return port === undefined ? undefined : { host, port, hostHeader: name, certificateName: host };
}
