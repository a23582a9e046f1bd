import { promises as dns, type LookupAddress } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

import type { Clock } from '../clock.ts';

/** An address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** One SRV record; https://www.rfc-editor.org/rfc/rfc2782 */
export interface SrvRecord {
  /** The host to connect to; `.` says that the service is not offered. */
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** What DNS says: both answers are empty where the name does not exist, and reject where nobody could tell. */
export interface Resolver {
  addresses(host: string): Promise<readonly HostAddress[]>;
  /** `ttlMs`: how long the answer holds, where that is known. */
  services(name: string): Promise<{ readonly records: readonly SrvRecord[]; readonly ttlMs?: number }>;
}

const HOSTS_FILE = '/etc/hosts';
const HOSTS_FILE_HOLDS_MS = 60_000;
const QUERY_TIMEOUT_MS = 5_000;
/** DNS says so with these: there is no such name, or none with such records. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * The machine's resolver: its hosts file, then its DNS servers, asked without threads so that slow ones hold up nothing else. Names
 * without a dot and those of the local network (`.local`) are left to the system, which may know them by other means.
 */
export function createSystemResolver(clock: Clock): Resolver {
  const resolver = new dns.Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  let hosts: { readonly names: ReadonlyMap<string, readonly HostAddress[]>; readonly readAt: number } | undefined;
  const hostsFile = async (): Promise<ReadonlyMap<string, readonly HostAddress[]>> => {
    if (hosts === undefined || clock.monotonic() - hosts.readAt > HOSTS_FILE_HOLDS_MS) {
      hosts = { names: parseHosts(await readHosts()), readAt: clock.monotonic() };
    }
    return hosts.names;
  };
  return {
    async addresses(host) {
      const name = host.toLowerCase().replace(/\.$/, '');
      const known = (await hostsFile()).get(name);
      if (known) return known;
      if (!name.includes('.') || name.endsWith('.local')) return orEmpty(systemLookup(name));
      const [six, four] = await Promise.allSettled([orEmpty(resolver.resolve6(name)), orEmpty(resolver.resolve4(name))]);
      const found = [
        ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 as const })) : []),
        ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 as const })) : []),
      ];
      // One family is enough to go on with; without any, a failure is no proof that the name does not exist.
      if (found.length === 0) for (const answer of [six, four]) if (answer.status === 'rejected') throw answer.reason;
      return found;
    },
    async services(name) {
      return { records: await orEmpty(resolver.resolveSrv(name)) };
    },
  };
}

async function systemLookup(name: string): Promise<HostAddress[]> {
  const found: LookupAddress[] = await dns.lookup(name, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

async function orEmpty<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && ABSENT.has(String(error.code))) return [];
    throw error;
  }
}

async function readHosts(): Promise<string> {
  try {
    return await readFile(HOSTS_FILE, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return '';
    throw error;
  }
}

/** The names of a hosts file with their addresses, in the file's order. */
export function parseHosts(text: string): Map<string, HostAddress[]> {
  const names = new Map<string, HostAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...given] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of given) {
      const key = name.toLowerCase();
      const list = names.get(key) ?? [];
      list.push({ address, family: family === 6 ? 6 : 4 });
      names.set(key, list);
    }
  }
  return names;
}
