import type { Clock } from '../../platform/clock.ts';
import { encodeSyncToken, syncStreams, type Notifier, type SyncToken } from '../../platform/streams/index.ts';
import { buildSync, emptyAnswer, type SyncAnswer, type SyncTools, withMembers } from './build-sync.ts';
import type { SyncView } from './sync-view.ts';

/** However long a client asks to wait. */
const longestWaitMs = 10 * 60_000;

export interface PollTools extends SyncTools {
  readonly notifier: Notifier;
  readonly clock: Clock;
}

/**
 * Answers at once where there is something to tell; otherwise the request is parked until one of the streams moves for this user, or
 * the time is over.
 */
export async function answerSync(
  tools: PollTools,
  view: Omit<SyncView, 'upTo'>,
  wait: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SyncAnswer> {
  if (view.since !== undefined) await tools.sources.acknowledged(view.viewer, view.since);
  const answer = await newsOf(tools, view, wait);
  return withMembers(answer, await tools.sources.companions(view.viewer));
}

async function newsOf(
  tools: PollTools,
  view: Omit<SyncView, 'upTo'>,
  wait: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SyncAnswer> {
  if (view.since === undefined || view.fullState) return buildSync(tools, { ...view, upTo: tools.sources.now() });
  // Before the first look, so that nothing falls between looking and waiting.
  const waiter = tools.notifier.register(view.viewer.userNid);
  const deadline = tools.clock.monotonic() + Math.min(wait.timeoutMs, longestWaitMs);
  try {
    let { since } = view;
    for (;;) {
      const upTo = tools.sources.now();
      const answer = sameToken(since, upTo)
        ? emptyAnswer(encodeSyncToken(upTo))
        : await buildSync(tools, { ...view, since, upTo });
      const left = deadline - tools.clock.monotonic();
      if (answer.hasNews || left <= 0) return answer;
      // Nothing up to there concerns this user: the next look begins where this one ended.
      since = upTo;
      if ((await waiter.wait(left, wait.signal)) !== 'woken') return emptyAnswer(answer.nextBatch);
    }
  } finally {
    waiter.close();
  }
}

function sameToken(one: SyncToken, other: SyncToken): boolean {
  return syncStreams.every((name) => one[name] === other[name]);
}
