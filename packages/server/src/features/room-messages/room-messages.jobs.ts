import type { Job } from '../feature.ts';
import type { MessageTools } from './message-tools.ts';

const hour = 3_600_000;
/** How long a client may take to ask again. */
const transactionsKept = 24 * hour;

/** What time takes away: transaction ids, and the content of what was redacted. */
export function messageJobs({ rooms, clock }: MessageTools): Job[] {
  return [
    {
      name: 'forget old transaction ids',
      everyMs: hour,
      run: () => rooms.transactionIds.forgetBefore(clock.now() - transactionsKept),
    },
  ];
}
