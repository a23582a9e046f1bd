import { BlockList, isIP } from 'node:net';

import { isNoProxyEntry, readProxyAddress, type ProxyAddress } from '../../../config/index.ts';

export type { ProxyAddress } from '../../../config/index.ts';

/** The options of homeserver.yaml, or of the environment. */
export interface ProxySettings {
  /** For requests without TLS. */
  readonly http_proxy: string | null;
  /** For requests with TLS, those to other servers among them. */
  readonly https_proxy: string | null;
  readonly no_proxy_hosts: readonly string[];
}

/** The proxy that a request to a host goes through; undefined where it goes there by itself. */
export type ProxyChoice = (target: { readonly secure: boolean; readonly host: string }) => ProxyAddress | undefined;

/** Without proxies. */
export const direct: ProxyChoice = () => undefined;

/**
 * Reads the settings. Hosts of `no_proxy_hosts` stand for themselves and what lies below them (`example.com`, `.example.com`), `*` for
 * all; addresses and ranges (`10.0.0.0/8`) for hosts that are named by their address: names are not looked up for this.
 * Throws an Error for what is no proxy.
 */
export function chooseProxy(settings: ProxySettings): ProxyChoice {
  const plain = addressOf('http_proxy', settings.http_proxy);
  const secure = addressOf('https_proxy', settings.https_proxy);
  if (!plain && !secure) return direct;
  const isExcepted = exceptions(settings.no_proxy_hosts);
  return (target) => (isExcepted(target.host) ? undefined : target.secure ? secure : plain);
}

function addressOf(option: string, value: string | null): ProxyAddress | undefined {
  if (value === null) return undefined;
  const address = readProxyAddress(value);
  // Not the value: there may be a password in it.
  if (!address) throw new Error(`${option} is not the address of a proxy such as "http://proxy.example.com:8080"`);
  return address;
}

function exceptions(entries: readonly string[]): (host: string) => boolean {
  const ranges = new BlockList();
  const names: string[] = [];
  for (const entry of entries.filter(isNoProxyEntry)) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address);
    if (family === 0) names.push(entry.toLowerCase().replace(/^\*?\./, ''));
    else
      ranges.addSubnet(
        address,
        prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix),
        family === 4 ? 'ipv4' : 'ipv6',
      );
  }
  return (host) => {
    const family = isIP(host);
    if (names.includes('*')) return true;
    if (family !== 0) return ranges.check(host, family === 4 ? 'ipv4' : 'ipv6');
    const name = host.toLowerCase().replace(/\.$/, '');
    return names.some((entry) => name === entry || name.endsWith(`.${entry}`));
  };
}
