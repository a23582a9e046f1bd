import { isServerName } from '@myelin/protocol/identifiers';

import { bool, duration, group, integer, list, mapOf, maybe, option, section, text, textKind } from '../schema/index.ts';
import { isIpRange } from './ip-range.ts';

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
    { default: [{ server_name: 'matrix.org' }], support: 'later' },
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
    support: 'later',
  }),
  ip_range_whitelist: option(list(ipRange), 'Exceptions from ip_range_blacklist.', { default: [], support: 'later' }),
  federation_domain_whitelist: option(maybe(list(text)), 'The only servers to federate with. Default: all.', {
    default: null,
    support: 'later',
  }),
});
