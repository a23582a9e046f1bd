import type { PersistHook } from '../../rooms/index.ts';
import type { MessageTools } from './message-tools.ts';
import { notePruned, noteRedacted, redactedUpTo } from './redacted-contents.store.ts';

const batchSize = 500;

interface RetentionTools extends Pick<MessageTools, 'clock' | 'database' | 'rooms'> {
  readonly config: Pick<MessageTools['config'], 'redaction_retention_period'>;
}

/** Notes when an event is redacted, by whichever server. */
export function noteRedactions({ clock }: Pick<MessageTools, 'clock'>): PersistHook {
  return {
    name: 'redacted contents',
    prepare({ redactions }) {
      if (redactions.length === 0) return;
      const now = clock.now();
      return (tx) => {
        for (const { target } of redactions) noteRedacted(tx, target.nid, now);
      };
    },
  };
}

/**
 * Takes the content of events from the database that were redacted longer ago than `redaction_retention_period`. Until then it is
 * hidden from readers only, so that moderators may look into what was said.
 */
export async function pruneRedacted({ config, clock, database, rooms }: RetentionTools): Promise<void> {
  const period = config.redaction_retention_period;
  if (period === null) return;
  for (;;) {
    const nids = await redactedUpTo(database, clock.now() - period, batchSize);
    if (nids.length === 0) return;
    const events = await rooms.events.listByNids(nids);
    await database.write((tx) => {
      for (const event of events) rooms.events.writePruned(tx, event);
      notePruned(tx, nids);
    });
  }
}
