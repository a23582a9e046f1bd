import type { Job } from '../features/feature.ts';
import type { Clock, Scheduled } from '../platform/clock.ts';
import type { Logger } from '../platform/observability/index.ts';

/** Runs each job at its interval, never twice at once. `stop` waits for what runs. */
export function startJobs(
  jobs: readonly Job[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): { stop(): Promise<void> } {
  const running = new Set<Promise<void>>();
  const scheduled = new Map<Job, Scheduled>();
  let stopped = false;
  const later = (job: Job): void => {
    if (!stopped)
      scheduled.set(
        job,
        clock.schedule(job.everyMs, () => start(job)),
      );
  };
  const start = (job: Job): void => {
    const run = job
      .run()
      .catch((error: unknown) => logger.error({ err: error, job: job.name }, 'a job has failed; it runs again at its next time'))
      .finally(() => {
        running.delete(run);
        later(job);
      });
    running.add(run);
  };
  for (const job of jobs) later(job);
  return {
    async stop() {
      stopped = true;
      for (const timer of scheduled.values()) timer.cancel();
      await Promise.all(running);
    },
  };
}
