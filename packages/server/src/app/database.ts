import type { Config } from '../config/index.ts';
import { migrations } from '../migrations/index.ts';
import { openDatabase, type Database, type DatabaseSettings, type PostgresTls } from '../platform/database/index.ts';

/** Of the memory for caches, the part that SQLite gets for pages. */
const pageShare = 0.25;

/** Opens the database that `database:` in homeserver.yaml names, and brings its schema up to date. */
export function openConfiguredDatabase(config: Pick<Config, 'database' | 'cache_memory'>): Promise<Database> {
  return openDatabase(settingsOf(config), migrations);
}

function settingsOf({ database, cache_memory }: Pick<Config, 'database' | 'cache_memory'>): DatabaseSettings {
  const synchronous = database.durability === 'relaxed' ? 'normal' : 'full';
  if (database.name === 'sqlite3') {
    return { kind: 'sqlite', path: database.file, synchronous, cacheBytes: Math.round(cache_memory * pageShare) };
  }
  const { sslmode, sslrootcert, sslcert, sslkey, application_name, connect_timeout, ...connection } = database.connection;
  return {
    kind: 'postgres',
    ...connection,
    maxConnections: database.max_connections,
    applicationName: application_name ?? 'myelin',
    ...(connect_timeout !== undefined && { connectTimeoutMs: connect_timeout }),
    ...(sslmode !== undefined && {
      ssl: {
        mode: sslmode as PostgresTls['mode'],
        ...(sslrootcert !== undefined && { rootCertificate: sslrootcert }),
        ...(sslcert !== undefined && { certificate: sslcert }),
        ...(sslkey !== undefined && { key: sslkey }),
      },
    }),
  };
}
