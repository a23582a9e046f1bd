import type { Job } from '../feature.ts';
import { forgetOld } from './to-device.store.ts';
import type { ToDeviceNeeds } from './to-device.ts';

const hour = 3600_000;
const day = 24 * hour;
/** How long a client may take to ask again. */
const transactionsKept = day;
/**
 * How long another server may take to send again what we took in and it did not hear of. It tries within minutes as long as it runs itself;
 * a month leaves room for one that was switched off just then.
 */
const receivedKept = 30 * day;

/** What time takes away: transaction ids of clients, message ids of servers. Messages never. */
export function toDeviceJobs({ database, clock }: Pick<ToDeviceNeeds, 'database' | 'clock'>): Job[] {
  return [
    {
      name: 'forget old to-device transactions',
      everyMs: hour,
      run: () => forgetOld(database, { sent: clock.now() - transactionsKept, received: clock.now() - receivedKept }),
    },
  ];
}
