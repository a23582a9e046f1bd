import { hash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeSigningKey, generateSigningKey } from '@myelin/protocol/signatures';
import type { DatabaseSettings } from '@myelin/server/platform/database';
import { stringify } from 'yaml';

/** What `registration_shared_secret` is in tests. */
export const sharedSecret = 'opensesame';

const generous = { per_second: 1_000_000, burst_count: 1_000_000 };
/** Tests are faster than people. */
const noLimits = {
  rc_message: generous,
  rc_registration: generous,
  rc_registration_token_validity: generous,
  rc_login: { address: generous, account: generous, failed_attempts: generous },
  rc_joins: { local: generous, remote: generous },
  rc_joins_per_room: generous,
  rc_invites: { per_room: generous, per_user: generous, per_issuer: generous },
  rc_presence: { per_user: generous },
  rc_reports: generous,
  rc_room_creation: generous,
};

/** A homeserver.yaml for a test in a folder of its own: open registration, no rate limits, a free port of the loopback address. */
export async function writeConfiguration(
  database: DatabaseSettings,
  changes: Readonly<Record<string, unknown>> = {},
  durability: 'full' | 'relaxed' = 'relaxed',
): Promise<{ directory: string; configPath: string; serverName: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'myelin-homeserver-'));
  const serverName = (changes['server_name'] as string | undefined) ?? 'hive.example';
  const signingKey = join(directory, 'signing.key');
  await writeFile(signingKey, encodeSigningKey(generateSigningKey(hash('sha256', serverName, 'buffer'))));
  const configPath = join(directory, 'homeserver.yaml');
  const config = {
    server_name: serverName,
    report_stats: false,
    signing_key_path: signingKey,
    one_time_key_claims_path: join(directory, 'claims'),
    listeners: [{ port: 0, type: 'http', bind_addresses: ['127.0.0.1'], resources: [{ names: ['client', 'federation'] }] }],
    database: { ...databaseSection(database), durability },
    enable_registration: true,
    enable_registration_without_verification: true,
    // Tests reach nobody whom they did not start.
    trusted_key_servers: [],
    registration_shared_secret: sharedSecret,
    macaroon_secret_key: 'for tests only',
    form_secret: 'for tests only',
    bcrypt_rounds: 4,
    ...noLimits,
    ...changes,
  };
  await writeFile(configPath, stringify(config));
  return { directory, configPath, serverName };
}

/** The `database` section of homeserver.yaml for a test's database. */
function databaseSection(settings: DatabaseSettings): Record<string, unknown> {
  if (settings.kind === 'sqlite') return { name: 'sqlite3', args: { database: settings.path } };
  const { host, port, user, password, database } = settings;
  return { name: 'psycopg2', args: { host, port, user, password, database, cp_max: 5 } };
}
