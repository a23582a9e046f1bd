import { join } from 'node:path';

import { sharedSecret } from '../homeserver/index.ts';

const generous = { per_second: 1_000_000, burst_count: 1_000_000 };
/** Tests are faster than people. */
const noLimits = {
  rc_message: generous,
  rc_registration: generous,
  rc_login: { address: generous, account: generous, failed_attempts: generous },
  rc_joins: { local: generous, remote: generous },
  rc_joins_per_room: generous,
  rc_invites: { per_room: generous, per_user: generous, per_issuer: generous },
  rc_presence: { per_user: generous },
  rc_room_creation: generous,
  rc_admin_redaction: generous,
  rc_federation: { window_size: 1000, sleep_limit: 10_000, sleep_delay: 1, reject_limit: 100_000, concurrent: 10 },
  federation_rr_transactions_per_room_per_second: 10_000,
};

/**
 * A homeserver.yaml (JSON is YAML, too) for a Synapse on the loopback address that believes an authority of the test's own. In
 * `directory` are its data, `authority.pem`, `tls.crt` and `tls.key`.
 */
export function synapseConfiguration(
  directory: string,
  serverName: string,
  ports: { client: number; federation: number },
): string {
  const listener = (port: number, resource: string, tls: boolean): object => ({
    port,
    tls,
    type: 'http',
    bind_addresses: ['127.0.0.1'],
    resources: [{ names: [resource], compress: false }],
  });
  const config = {
    server_name: serverName,
    public_baseurl: `http://127.0.0.1:${ports.client}/`,
    report_stats: false,
    pid_file: join(directory, 'homeserver.pid'),
    log_config: join(directory, 'log.yaml'),
    listeners: [listener(ports.client, 'client', false), listener(ports.federation, 'federation', true)],
    tls_certificate_path: join(directory, 'tls.crt'),
    tls_private_key_path: join(directory, 'tls.key'),
    database: { name: 'sqlite3', args: { database: join(directory, 'homeserver.db') } },
    media_store_path: join(directory, 'media'),
    signing_key_path: join(directory, 'signing.key'),
    macaroon_secret_key: 'for tests only',
    form_secret: 'for tests only',
    registration_shared_secret: sharedSecret,
    enable_registration: true,
    enable_registration_without_verification: true,
    room_list_publication_rules: [{ action: 'allow' }],
    allow_public_rooms_over_federation: true,
    bcrypt_rounds: 4,
    federation_custom_ca_list: [join(directory, 'authority.pem')],
    ip_range_blacklist: [],
    federation_ip_range_blacklist: [],
    trusted_key_servers: [],
    // A peer that was away is tried again soon.
    federation: {
      destination_min_retry_interval: '1s',
      destination_max_retry_interval: '2s',
      destination_retry_multiplier: 2,
    },
    caches: { sync_response_cache_duration: 0 },
    ...noLimits,
  };
  return JSON.stringify(config, null, 2);
}

/** Where a Synapse writes what it does: `homeserver.log` in its directory. */
export function synapseLogging(directory: string): string {
  return JSON.stringify({
    version: 1,
    disable_existing_loggers: false,
    formatters: { line: { format: '%(asctime)s %(levelname)s %(name)s:%(lineno)d %(request)s %(message)s' } },
    handlers: { file: { class: 'logging.FileHandler', formatter: 'line', filename: join(directory, 'homeserver.log') } },
    root: { level: 'INFO', handlers: ['file'] },
  });
}
