import { isServerName } from '@myelin/protocol/identifiers';

import {
  bool,
  choice,
  duration,
  group,
  integer,
  list,
  mapOf,
  maybe,
  number,
  option,
  section,
  spelt,
  text,
  textKind,
} from '../schema/index.ts';
import { isIpRange } from './ip-range.ts';
import { isNoProxyEntry, readProxyAddress } from './proxy-address.ts';

const proxyAddress = textKind(
  'the address of a proxy such as "http://proxy.example.com:8080"',
  (value) => readProxyAddress(value) !== undefined,
);
const noProxyEntry = textKind('a host, an IP address or a range such as "10.0.0.0/8"', isNoProxyEntry);
const ipRange = textKind('an IP address or a range such as "10.0.0.0/8"', isIpRange);

export const federation = section('Keys and federation', {
  signing_key_path: option(maybe(text), "The server's signing key. Default: <server_name>.signing.key beside this file.", {
    default: null,
  }),
  old_signing_keys: option(
    mapOf(
      group({
        key: option(text, 'The public key, in base64.'),
        expired_ts: option(integer({ min: 0 }), 'Until when it was used, in milliseconds since 1970.'),
      }),
    ),
    'Public keys with which the server signed in the past, so that others can still check old events.',
    { default: {}, support: 'later' },
  ),
  key_refresh_interval: option(duration, 'How long other servers may keep the key before they ask again.', {
    default: '1d',
    support: 'later',
  }),
  trusted_key_servers: option(
    list(
      group({
        server_name: option(textKind('a server name', isServerName), 'The server that is asked for the keys of others.'),
        verify_keys: option(maybe(mapOf(text)), 'Its own keys, when they are known from elsewhere.', { default: null }),
        accept_keys_insecurely: option(bool, 'Believe it without keys and without TLS.', { default: false }),
      }),
    ),
    'Servers that are asked for the keys of other servers.',
    { default: [{ server_name: 'matrix.org' }] },
  ),
  suppress_key_server_warning: option(bool, 'Do not warn that matrix.org is the trusted key server.', {
    default: false,
    support: 'ignored',
  }),
  ip_range_blacklist: option(list(ipRange), 'Addresses that requests to hosts of strangers never go to.', {
    default: [
      '127.0.0.0/8',
      '10.0.0.0/8',
      '172.16.0.0/12',
      '192.168.0.0/16',
      '100.64.0.0/10',
      '192.0.0.0/24',
      '169.254.0.0/16',
      '192.88.99.0/24',
      '198.18.0.0/15',
      '192.0.2.0/24',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '224.0.0.0/4',
      '::1/128',
      'fe80::/10',
      'fc00::/7',
      '2001:db8::/32',
      'ff00::/8',
      'fec0::/10',
    ],
  }),
  ip_range_whitelist: option(list(ipRange), 'Exceptions from ip_range_blacklist.', { default: [] }),
  federation_ip_range_blacklist: option(
    maybe(list(ipRange)),
    'The same for requests to other servers only, without exceptions. Default: as ip_range_blacklist.',
    { default: null },
  ),
  http_proxy: option(maybe(proxyAddress), 'The proxy for requests without TLS. Default: the environment variable of that name.', {
    default: null,
  }),
  https_proxy: option(
    maybe(proxyAddress),
    'The proxy for requests with TLS: it is asked to CONNECT, to other servers at 443, 8448 or wherever they are. Default: the environment variable of that name.',
    { default: null },
  ),
  no_proxy_hosts: option(
    maybe(list(noProxyEntry)),
    'Hosts, addresses and ranges that are connected to directly. Default: the environment variable no_proxy.',
    { default: null },
  ),
  federation_domain_whitelist: option(maybe(list(text)), 'The only servers to federate with. Default: all.', {
    default: null,
  }),
  federation_domain_denylist: option(
    list(text),
    'Servers to have nothing to do with, such as "spam.example" or "*.spam.example", on whatever port: neither side reaches the other. It counts more than federation_domain_whitelist.',
    { default: [], own: true },
  ),
  federation_whitelist_endpoint_enabled: option(
    bool,
    'Users are told whom this server federates with, at /_synapse/client/v1/config/federation_whitelist.',
    { default: false },
  ),
  federation_verify_certificates: option(bool, 'Other servers must prove their names by certificates.', { default: true }),
  federation_certificate_verification_whitelist: option(
    list(text),
    'Hosts whose certificates are not verified, such as "*.onion".',
    { default: [] },
  ),
  federation_custom_ca_list: option(
    list(text),
    "Files with certificates of authorities, as PEM, that are believed in place of the system's.",
    { default: [] },
  ),
  federation_client_minimum_tls_version: option(
    spelt(choice('1', '1.1', '1.2', '1.3'), (found) => (typeof found === 'number' ? String(found) : found)),
    'The oldest version of TLS towards other servers; below 1.2 means 1.2.',
    { default: '1' },
  ),
  key_server_signing_keys_path: option(
    maybe(text),
    'The keys that sign what this server tells others about the keys of third ones. Default: the signing key.',
    { default: null },
  ),
  federation: option(
    group({
      client_timeout: option(duration, 'How long a request to another server may take.', { default: '60s' }),
      max_short_retry_delay: option(duration, 'The longest pause between two tries while somebody waits.', { default: '2s' }),
      max_long_retry_delay: option(duration, 'The longest pause between two tries in the background.', { default: '60s' }),
      max_short_retries: option(integer({ min: 0 }), 'How often a request is tried again while somebody waits.', { default: 3 }),
      max_long_retries: option(integer({ min: 0 }), 'How often a request is tried again in the background.', { default: 10 }),
      destination_min_retry_interval: option(duration, 'The first pause after a server has not answered.', { default: '10m' }),
      destination_retry_multiplier: option(number({ min: 1 }), 'How much longer each further pause is.', { default: 2 }),
      destination_max_retry_interval: option(duration, 'The longest pause.', { default: '1w' }),
    }),
    'Requests to other servers, and how those that do not answer are tried again.',
    { default: {} },
  ),
});
