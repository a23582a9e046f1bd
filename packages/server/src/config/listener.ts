import type { Reading } from './schema/index.ts';
import type { WrittenListener } from './sections/listeners.ts';

/** What a listener can serve. */
export type ListenerResource = Exclude<WrittenListener['resources'][number]['names'][number], 'webclient'>;

/** One port or UNIX socket at which the server listens. */
export interface Listener {
  readonly type: 'http' | 'metrics';
  readonly address:
    | { readonly kind: 'tcp'; readonly port: number; readonly addresses: readonly string[] }
    | { readonly kind: 'unix'; readonly path: string; readonly mode: number };
  readonly tls: boolean;
  /** Believe X-Forwarded-For. */
  readonly xForwarded: boolean;
  readonly requestIdHeader: string | null;
  readonly tag: string | null;
  readonly resources: readonly { readonly names: readonly ListenerResource[]; readonly compress: boolean }[];
}

const whereNothingIsSaid: Listener = {
  type: 'http',
  address: { kind: 'tcp', port: 8008, addresses: ['::1', '127.0.0.1'] },
  tls: false,
  xForwarded: true,
  requestIdHeader: null,
  tag: null,
  resources: [{ names: ['client', 'federation'], compress: false }],
};

/** Works the listeners out of what the file says; without any, port 8008 of this machine only. */
export function resolveListeners(
  written: readonly WrittenListener[] | null,
  certificate: { chain: string | null; key: string | null },
  reading: Reading,
): readonly Listener[] {
  if (written === null || written.length === 0) return [whereNothingIsSaid];
  const listeners = written.flatMap((listener, index) => {
    const { type, tls, tag } = listener;
    const address = addressOf(listener, index, reading);
    if (tls && (certificate.chain === null || certificate.key === null)) {
      reading.problem(['listeners', index, 'tls'], 'needs tls_certificate_path and tls_private_key_path');
    }
    if (type === 'manhole') reading.ignored.push(`listeners[${index}] (manhole)`);
    if (address === undefined || type === 'manhole') return [];
    const resources = listener.resources.map(({ names, compress }) => ({
      compress,
      names: names.filter((name) => name !== 'webclient'),
    }));
    return [
      { type, address, tls, xForwarded: listener.x_forwarded, requestIdHeader: listener.request_id_header, tag, resources },
    ];
  });
  if (listeners.length === 0 && reading.problems.length === 0) {
    reading.problem(['listeners'], 'leave nothing to listen at');
  }
  return listeners;
}

function addressOf(listener: WrittenListener, index: number, reading: Reading): Listener['address'] | undefined {
  const { port, path, mode, bind_addresses, bind_address } = listener;
  if ((port === null) === (path === null)) {
    return reading.problem(['listeners', index], 'needs either a port or a path (of a UNIX socket)');
  }
  if (path !== null) return { kind: 'unix', path, mode: mode ?? 0o666 };
  const addresses = bind_addresses ?? (bind_address === null ? ['::', '0.0.0.0'] : [bind_address || '::']);
  return { kind: 'tcp', port: port ?? 0, addresses };
}
