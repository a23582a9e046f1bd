import { join } from 'node:path';

import type { BenchDatabase } from './bench-database.ts';

/** The load generator is faster than people. */
const unlimited = { per_second: 1_000_000, burst_count: 1_000_000 };

/** One homeserver.yaml for every server that reads Synapse's names (JSON is YAML, too). */
export function homeserverYaml(options: {
  directory: string;
  port: number;
  database: BenchDatabase;
  registrationSharedSecret: string;
}): string {
  const { directory, port, database, registrationSharedSecret } = options;
  const config = {
    server_name: 'bench.example',
    public_baseurl: `http://127.0.0.1:${port}/`,
    report_stats: false,
    pid_file: join(directory, 'homeserver.pid'),
    log_config: join(directory, 'log.yaml'),
    listeners: [
      {
        port,
        type: 'http',
        tls: false,
        bind_addresses: ['127.0.0.1'],
        resources: [{ names: ['client'], compress: false }],
      },
    ],
    database: database.section(directory),
    media_store_path: join(directory, 'media'),
    signing_key_path: join(directory, 'signing.key'),
    macaroon_secret_key: 'secret of the benchmark',
    form_secret: 'secret of the benchmark',
    registration_shared_secret: registrationSharedSecret,
    // The default of 12 takes a quarter of a second of CPU a password, on any server: nothing else would be seen.
    bcrypt_rounds: 4,
    trusted_key_servers: [],
    // With it, 500 users in a room are a quarter of a million changes of presence.
    presence: { enabled: false },
    rc_message: unlimited,
    rc_registration: unlimited,
    rc_login: { address: unlimited, account: unlimited, failed_attempts: unlimited },
    rc_joins: { local: unlimited, remote: unlimited },
    rc_joins_per_room: unlimited,
    rc_invites: { per_room: unlimited, per_user: unlimited, per_issuer: unlimited },
    rc_room_creation: unlimited,
    rc_presence: { per_user: unlimited },
  };
  return JSON.stringify(config, null, 2);
}

/** Warnings and errors only: what a server writes about each request is not what is measured. */
export function logYaml(directory: string): string {
  return JSON.stringify({
    version: 1,
    disable_existing_loggers: false,
    formatters: { line: { format: '%(asctime)s %(levelname)s %(name)s: %(message)s' } },
    handlers: {
      file: { class: 'logging.FileHandler', formatter: 'line', filename: join(directory, 'homeserver.log') },
    },
    root: { level: 'WARNING', handlers: ['file'] },
  });
}
