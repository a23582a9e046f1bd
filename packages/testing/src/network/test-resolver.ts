import { isIP } from 'node:net';

import type { HostAddress, Resolver, SrvRecord } from '@myelin/server/platform/outgoing';

type Service = Partial<Omit<SrvRecord, 'name' | 'port'>> & Pick<SrvRecord, 'name' | 'port'>;

/** DNS for tests: names are what the test says, everything else does not exist. What was asked is written down. */
export class TestResolver implements Resolver {
  readonly asked: string[] = [];
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #services = new Map<string, readonly Service[]>();
  readonly #broken = new Set<string>();
  /** How long the answers about services hold, in milliseconds. */
  ttlMs: number | undefined;

  host(name: string, ...addresses: readonly string[]): this {
    this.#addresses.set(name, addresses);
    return this;
  }

  service(name: string, ...records: readonly Service[]): this {
    this.#services.set(name, records);
    return this;
  }

  /** Nobody can tell about this name. */
  fails(name: string): this {
    this.#broken.add(name);
    return this;
  }

  addresses(host: string): Promise<readonly HostAddress[]> {
    this.asked.push(host);
    if (this.#broken.has(host)) return Promise.reject(new Error('SERVFAIL'));
    const found = this.#addresses.get(host) ?? [];
    return Promise.resolve(found.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 })));
  }

  services(name: string): Promise<{ readonly records: readonly SrvRecord[]; readonly ttlMs?: number }> {
    this.asked.push(name);
    if (this.#broken.has(name)) return Promise.reject(new Error('SERVFAIL'));
    const records = (this.#services.get(name) ?? []).map((record) => ({ priority: 0, weight: 0, ...record }));
    return Promise.resolve({ records, ...(this.ttlMs === undefined ? {} : { ttlMs: this.ttlMs }) });
  }
}
