import type { Job, Feature } from '../feature.ts';
import { prove, type Proof, type ProveNeeds, type RequestToProve, sessionLifetimeMs } from './prove.ts';
import { readLapsedSessions, removeSession } from './sessions.store.ts';
import { type FallbackNeeds, fallbackRoutes } from './user-interactive-auth.routes.ts';

export { dummyStage } from './stage.ts';
export type { AuthData, Json, JsonObject, Stage, StageAttempt, StageForm } from './stage.ts';
export type { EarlierProofs, Proof, RequestToProve } from './prove.ts';

/** Confirmation of what is dangerous; https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api */
export interface UserInteractiveAuth {
  /** Whether the request has been confirmed, and else what to answer. */
  prove<Body extends object>(asked: RequestToProve<Body>): Promise<Proof<Body>>;
}

/** Opens user-interactive authentication. */
export function openUserInteractiveAuth(needs: ProveNeeds): UserInteractiveAuth {
  return { prove: (asked) => prove(needs, asked) };
}

/** `stages`: all that there are, for their fallback pages and for what they set aside. */
export function userInteractiveAuthFeature(needs: FallbackNeeds): Feature {
  return { name: 'user-interactive-auth', routes: fallbackRoutes(needs), jobs: [removeLapsedSessions(needs)] };
}

const sessionsAtOnce = 500;

function removeLapsedSessions({ database, clock, stages }: FallbackNeeds): Job {
  return {
    name: 'remove lapsed user-interactive sessions',
    everyMs: 600_000,
    async run() {
      const lapsed = await readLapsedSessions(database, clock.now() - sessionLifetimeMs, sessionsAtOnce);
      for (const { sessionHash, completed } of lapsed) {
        if (!(await removeSession(database, sessionHash))) continue;
        for (const [type, result] of Object.entries(completed)) {
          await stages.find((stage) => stage.type === type)?.release?.(result);
        }
      }
    },
  };
}
