import type { Feature } from '../feature.ts';
import { keyBackupJobs } from './key-backup.jobs.ts';
import { keyBackupRoutes } from './key-backup.routes.ts';
import { KeyBackups, type KeyBackupsNeeds } from './key-backups.ts';

export type { KeyBackups } from './key-backups.ts';

/** Encrypted copies of the keys of encrypted rooms, for a user's new devices. */
export function keyBackupFeature(needs: KeyBackupsNeeds): Feature & { readonly backups: KeyBackups } {
  const backups = new KeyBackups(needs);
  return { name: 'key-backup', routes: keyBackupRoutes({ ...needs, backups }), jobs: keyBackupJobs(needs.database), backups };
}
