import { Reading } from './schema/index.ts';
import type { WrittenListener } from './sections/listeners.ts';

/** What a listener can serve. */
export type ListenerResource = NonNullable<WrittenListener['resources'][number]>['names'][number];

/** One port or UNIX socket at which the server listens. */
export interface Listener {
  readonly type: 'http' | 'metrics' | 'manhole';
  /** A TCP port with addresses, or a UNIX socket. */
  readonly at:
    | { readonly port: number; readonly bind_addresses: readonly string[] }
    | { readonly path: string; readonly mode: number };
  readonly tls: boolean;
  readonly x_forwarded: boolean;
  readonly request_id_header: string | null;
  readonly tag: string | null;
  readonly resources: readonly { readonly names: readonly ListenerResource[]; readonly compress: boolean }[];
}

const whereNothingIsSaid: Listener = {
  type: 'http',
  at: { port: 8008, bind_addresses: ['::1', '127.0.0.1'] },
  tls: false,
  x_forwarded: true,
  request_id_header: null,
  tag: null,
  resources: [{ names: ['client', 'federation'], compress: false }],
};

/** Works the listeners out of what the file says; without any, port 8008 of this machine only. */
export function resolveListeners(
  written: readonly WrittenListener[] | null,
  tls: { certificate: string | null; key: string | null },
  reading: Reading,
): readonly Listener[] {
  if (written === null || written.length === 0) return [whereNothingIsSaid];
  return written.flatMap((listener, index) => {
    const at = placeOf(listener, index, reading);
    if (listener.tls && (tls.certificate === null || tls.key === null)) {
      reading.problem(['listeners', index, 'tls'], 'needs tls_certificate_path and tls_private_key_path');
    }
    if (listener.type === 'manhole') reading.ignored.push(`listeners[${index}] (manhole)`);
    if (at === undefined || listener.type === 'manhole') return [];
    const { type, x_forwarded, request_id_header, tag, resources } = listener;
    return [{ type, at, tls: listener.tls, x_forwarded, request_id_header, tag, resources }];
  });
}

function placeOf(listener: WrittenListener, index: number, reading: Reading): Listener['at'] | undefined {
  const { port, path, mode, bind_addresses, bind_address } = listener;
  if ((port === null) === (path === null)) {
    return reading.problem(['listeners', index], 'needs either a port or a path (of a UNIX socket)');
  }
  if (path !== null) return { path, mode: mode ?? 0o666 };
  const addresses = bind_addresses ?? (bind_address === null ? ['::', '0.0.0.0'] : [bind_address || '::']);
  return { port: port!, bind_addresses: addresses };
}
