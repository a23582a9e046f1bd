import type { DatabaseSettings as DatabaseConfig } from '../../config/index.ts';
import { DatabaseError } from './errors.ts';
import type { DatabaseSettings, PostgresTls } from './settings.ts';

const TLS_MODES: readonly string[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** How to reach the database that the `database:` section of homeserver.yaml describes. Throws for an `sslmode` that libpq lacks. */
export function settingsFromConfig(config: DatabaseConfig): DatabaseSettings {
  if (config.name === 'sqlite3') {
    return { kind: 'sqlite', path: config.file, synchronous: config.durability === 'full' ? 'full' : 'normal' };
  }
  const { host, port, user, password, database, options, application_name, connect_timeout } = config.connection;
  return {
    kind: 'postgres',
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(options === undefined ? {} : { options }),
    ...(application_name === undefined ? {} : { applicationName: application_name }),
    ...(connect_timeout === undefined ? {} : { connectTimeoutMs: connect_timeout }),
    ssl: tlsFrom(config.connection),
    maxConnections: config.max_connections,
    synchronousCommit: config.durability === 'full' ? 'full' : 'off',
  };
}

type Connection = Extract<DatabaseConfig, { name: 'psycopg2' }>['connection'];

function tlsFrom({ sslmode = 'prefer', sslrootcert, sslcert, sslkey }: Connection): PostgresTls {
  if (!isTlsMode(sslmode))
    throw new DatabaseError(`database.args.sslmode is "${sslmode}"; it must be one of ${TLS_MODES.join(', ')}`);
  return {
    mode: sslmode,
    ...(sslrootcert === undefined ? {} : { rootCertificate: sslrootcert }),
    ...(sslcert === undefined ? {} : { certificate: sslcert }),
    ...(sslkey === undefined ? {} : { key: sslkey }),
  };
}

function isTlsMode(mode: string): mode is PostgresTls['mode'] {
  return TLS_MODES.includes(mode);
}
