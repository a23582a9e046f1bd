import { text } from 'node:stream/consumers';

import * as client from '@myelin/protocol/api/client';
import { MatrixError, unrecognized } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import { type Route, route } from '../../platform/http/index.ts';
import { donePage, formPage, problemPage } from './fallback-page.ts';
import { sessionLifetimeMs } from './prove.ts';
import { insertStage, readSession, type UiaSession } from './sessions.store.ts';
import type { Stage, StageForm } from './stage.ts';

export interface FallbackNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  /** All stages that there are. */
  readonly stages: readonly Stage[];
}

/** A form has few fields, and people type little into them. */
const maxFormBytes = 16_384;

/** Pages for the stages that a client does not know; https://spec.matrix.org/v1.19/client-server-api/#fallback */
export function fallbackRoutes({ database, names, clock, stages }: FallbackNeeds): Route[] {
  const stageOf = (authType: string): Stage & { readonly form: StageForm } => {
    const stage = stages.find(({ type, aliases }) => type === authType || aliases?.includes(authType));
    if (!stage?.form) throw unrecognized(404);
    return { ...stage, form: stage.form };
  };
  const sessionOf = (id: string): Promise<UiaSession | undefined> => readSession(database, id, clock.now() - sessionLifetimeMs);
  const unknownSession = () =>
    problemPage(400, 'What was to be confirmed is not known, or it was too long ago. Please start again.');

  return [
    route(client.getAuthFallback, async ({ params, query }) => {
      const stage = stageOf(params.authType);
      const session = await sessionOf(query.session);
      if (!session) return unknownSession();
      return Object.hasOwn(session.completed, stage.type) ? donePage() : formPage(stage.form);
    }),

    route(
      client.postAuthFallback,
      async ({ params, query, request }) => {
        const stage = stageOf(params.authType);
        const fields = Object.fromEntries(new URLSearchParams(await text(request.stream)));
        const session = await sessionOf(query.session);
        if (!session) return unknownSession();
        if (Object.hasOwn(session.completed, stage.type)) return donePage();
        const { userNid } = session;
        const userId = userNid === undefined ? undefined : ((await names.textOf(userNid)) as UserId);
        try {
          const result = await stage.check({ auth: fields, ip: request.ip, ...(userId !== undefined && { userId }) });
          await database.write((tx) => insertStage(tx, session.id, stage.type, result));
        } catch (error) {
          if (error instanceof MatrixError && error.status < 500) return formPage(stage.form, error.message);
          throw error;
        }
        return donePage();
      },
      { maxBodyBytes: maxFormBytes },
    ),
  ];
}
