import type { Database } from '../../platform/database/index.ts';
import type { Job } from '../feature.ts';
import { deleteLeftover, deleteSomeKeys, isEmptyStore, readLeftovers } from './key-backup.store.ts';

/** Keys that one write deletes: others wait for it. */
const keysAtOnce = 500;
const storesAtOnce = 100;
/** Writes of one run; what is left waits for the next. */
const writesPerRun = 400;

/** Clears away the keys of backups that are gone, a little at a time. */
export function keyBackupJobs(database: Database): Job[] {
  return [{ name: 'clear away the keys of deleted backups', everyMs: 60_000, run: () => clearLeftovers(database) }];
}

async function clearLeftovers(database: Database): Promise<void> {
  let writes = 0;
  for (const store of await readLeftovers(database, storesAtOnce)) {
    while (!(await isEmptyStore(database, store))) {
      if (writes++ >= writesPerRun) return;
      await database.write((tx) => deleteSomeKeys(tx, store, keysAtOnce));
    }
    await database.write((tx) => deleteLeftover(tx, store));
  }
}
