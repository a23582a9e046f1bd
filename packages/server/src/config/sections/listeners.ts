import {
  anything,
  bool,
  choice,
  group,
  integer,
  isMapping,
  list,
  mapOf,
  maybe,
  option,
  section,
  spelt,
  text,
} from '../schema/index.ts';
import type { Values } from '../schema/index.ts';

const resource = group({
  names: option(
    spelt(
      list(
        choice(
          'client',
          'consent',
          'federation',
          'health',
          'keys',
          'media',
          'metrics',
          'openid',
          'replication',
          'static',
          'webclient',
        ),
      ),
      (found) => (typeof found === 'string' ? [found] : found),
    ),
    'What is served: "client" and "federation" include media and keys.',
    { default: [] },
  ),
  compress: option(bool, 'Compress answers. Better left to a reverse proxy.', { default: false }),
});

const listenerFields = {
  type: option(choice('http', 'manhole', 'metrics'), 'What the listener speaks.', { default: 'http' }),
  port: option(maybe(integer({ min: 0, max: 65_535 })), 'The TCP port; 0 takes a free one.', { default: null }),
  bind_addresses: option(maybe(list(text)), 'The addresses to listen at. Default: all addresses, IPv4 and IPv6.', {
    default: null,
  }),
  bind_address: option(maybe(text), 'The old form of bind_addresses.', { default: null }),
  path: option(maybe(text), 'A UNIX socket to listen at, in place of a port.', { default: null }),
  mode: option(maybe(integer({ min: 0, max: 0o777 })), 'Permissions of the UNIX socket. Default: 0o666.', { default: null }),
  tls: option(bool, 'Speak TLS, with tls_certificate_path and tls_private_key_path.', { default: false }),
  x_forwarded: option(bool, "Believe a reverse proxy's X-Forwarded-For about who the client is.", { default: false }),
  request_id_header: option(maybe(text), 'The header in which a reverse proxy gives each request a name for the logs.', {
    default: null,
  }),
  tag: option(maybe(text), 'A name of this listener in the logs.', { default: null }),
  resources: option(list(resource), 'What is served.', { default: [] }),
  additional_resources: option(mapOf(anything), 'Resources of modules, by path.', { default: {}, support: 'later' }),
};

/** Before `resources` existed, and for short, a listener may be written with the names alone. */
function presentForm(found: unknown): unknown {
  return isMapping(found) && Array.isArray(found['resources'])
    ? {
        ...found,
        resources: found['resources'].map((entry: unknown) => (typeof entry === 'string' ? { names: [entry] } : entry)),
      }
    : found;
}

/** A listener as it stands in the file. */
export type WrittenListener = Values<typeof listenerFields>;

export const listeners = section('Listeners', {
  listeners: option(
    maybe(list(spelt(group(listenerFields), presentForm))),
    'Where the server listens. Default: port 8008 of 127.0.0.1 and ::1, for clients and servers behind a reverse proxy.',
    { default: null },
  ),
  manhole: option(maybe(integer({ min: 0, max: 65_535 })), 'A port for a Python shell inside Synapse.', {
    default: null,
    support: 'ignored',
  }),
  tls_certificate_path: option(maybe(text), 'The certificate chain of listeners with TLS, as PEM.', { default: null }),
  tls_private_key_path: option(maybe(text), 'The private key of listeners with TLS, as PEM.', { default: null }),
});
