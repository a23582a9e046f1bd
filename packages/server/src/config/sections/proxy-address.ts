import { isIP } from 'node:net';

/** A forward proxy, as `http_proxy` and `https_proxy` name it. */
export interface ProxyAddress {
  /** TLS between this server and the proxy. */
  readonly secure: boolean;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** `user:password`, where the proxy asks for them. */
  readonly credentials: string | undefined;
}

const defaultPort = 1080;

/** Reads `[scheme://][user:password@]host[:port]`; undefined for what is none. The scheme is `http` unless given, the port 1080. */
export function readProxyAddress(value: string): ProxyAddress | undefined {
  const withScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.hostname === '' || url.search !== '' || url.hash !== '' || (url.pathname !== '/' && url.pathname !== ''))
    return undefined;
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`;
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: writtenPort(withScheme) ?? defaultPort,
    credentials: url.username === '' && url.password === '' ? undefined : credentials,
  };
}

/** Whether a text is an entry of `no_proxy_hosts`: a host, the end of one (`.example.com`), an address, a range, or `*`. */
export function isNoProxyEntry(value: string): boolean {
  const [address = '', prefix] = value.split('/');
  if (prefix === undefined) return value !== '' && !/\s/.test(value);
  return isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIP(address) === 4 ? 32 : 128);
}

// A URL leaves out the port that its scheme has anyway, and with proxies that is another one.
function writtenPort(url: string): number | undefined {
  const port = /^[^:]+:\/\/(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(url)?.[1];
  return port === undefined ? undefined : Number(port);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A password with a per cent sign in it that is no escape.
    return part;
  }
}

/** Proxies as the configuration says, or where it is silent as the environment does (`http_proxy`, in letters of any size). */
export function proxiesFrom<
  Written extends { http_proxy: string | null; https_proxy: string | null; no_proxy_hosts: readonly string[] | null },
>(
  written: Written,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly http_proxy: string | null; readonly https_proxy: string | null; readonly no_proxy_hosts: readonly string[] } {
  const variable = (name: string): string | undefined => {
    const spelt = [name, name.toUpperCase(), ...Object.keys(environment).filter((key) => key.toLowerCase() === name)];
    return spelt.map((key) => environment[key]?.trim()).find((value) => value !== undefined && value !== '');
  };
  const listed = (variable('no_proxy') ?? '').split(',').map((entry) => entry.trim());
  return {
    http_proxy: written.http_proxy ?? variable('http_proxy') ?? null,
    https_proxy: written.https_proxy ?? variable('https_proxy') ?? null,
    no_proxy_hosts: written.no_proxy_hosts ?? listed.filter((entry) => entry !== ''),
  };
}
