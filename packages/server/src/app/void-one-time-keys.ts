import type { Config } from '../config/index.ts';
import { voidAllOneTimeKeys } from '../features/device-keys/index.ts';
import { openConfiguredDatabase } from './database.ts';

/** Voids the one-time keys of all devices in the database of a server that does not run; what runs has counts in memory. */
export async function voidOneTimeKeysOf(config: Pick<Config, 'database' | 'cache_memory'>): Promise<void> {
  const database = await openConfiguredDatabase(config);
  try {
    await voidAllOneTimeKeys(database);
  } finally {
    await database.close();
  }
}
