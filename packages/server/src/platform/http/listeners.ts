import type { Resource } from './types.ts';

/** Where a listener listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly port: number; readonly addresses: readonly string[] }
  /** A Unix socket; `mode` are its permission bits, 0o666 by default. */
  | { readonly kind: 'unix'; readonly path: string; readonly mode?: number };

/** A certificate chain and its key, as PEM. */
export interface TlsCertificate {
  readonly chain: string;
  readonly key: string;
}

/** One entry of `listeners` in `homeserver.yaml`. */
export interface Listener {
  readonly address: ListenAddress;
  /** Speaks TLS, with the certificate of the settings. */
  readonly tls?: boolean;
  /** The client's address is read from `X-Forwarded-For`: only behind a proxy that sets it. */
  readonly xForwarded: boolean;
  readonly resources: readonly { readonly names: readonly Resource[]; readonly compress: boolean }[];
}

// What Synapse serves under each name beside the routes that carry it.
const INCLUDED: Partial<Record<Resource, readonly Resource[]>> = {
  client: ['admin', 'media', 'static'],
  federation: ['keys', 'openid', 'media'],
};

/** Which resources a listener serves, and whether each is compressed. `/health` is served everywhere. */
export function servedResources(listener: Listener): ReadonlyMap<Resource, { readonly compress: boolean }> {
  const served = new Map<Resource, { compress: boolean }>();
  for (const { names, compress } of listener.resources) {
    for (const name of names) {
      // A resource of its own name decides for itself; what comes along with another does not overrule it.
      served.set(name, { compress });
      for (const included of INCLUDED[name] ?? []) if (!served.has(included)) served.set(included, { compress });
    }
  }
  if (!served.has('health')) served.set('health', { compress: false });
  return served;
}
