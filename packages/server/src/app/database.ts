import type { Config } from '../config/index.ts';
import { migrations } from '../migrations/index.ts';
import { openDatabase, settingsFromConfig, type Database } from '../platform/database/index.ts';

/** Of the memory for caches, the part that SQLite gets for pages. */
const pageShare = 0.25;

/** Opens the database that `database:` in homeserver.yaml names, and brings its schema up to date. */
export function openConfiguredDatabase(config: Pick<Config, 'database' | 'cache_memory'>): Promise<Database> {
  const settings = settingsFromConfig(config.database);
  const cacheBytes = Math.round(config.cache_memory * pageShare);
  return openDatabase(settings.kind === 'sqlite' ? { ...settings, cacheBytes } : settings, migrations);
}
