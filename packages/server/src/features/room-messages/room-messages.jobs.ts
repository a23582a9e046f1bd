import type { Job } from '../feature.ts';
import type { MessageTools } from './message-tools.ts';
import { pruneRedacted } from './redaction-retention.ts';

const minute = 60_000;
const hour = 60 * minute;
/** How long a client may take to ask again. */
const transactionsKept = 24 * hour;

/** What time takes away: transaction ids, and the content of what was redacted. */
export function messageJobs(tools: MessageTools): Job[] {
  const { rooms, clock } = tools;
  return [
    {
      name: 'forget old transaction ids',
      everyMs: hour,
      run: () => rooms.transactionIds.forgetBefore(clock.now() - transactionsKept),
    },
    { name: 'prune redacted contents', everyMs: 5 * minute, run: () => pruneRedacted(tools) },
  ];
}
