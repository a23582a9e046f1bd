import * as admin from '@myelin/protocol/api/admin';
import { notFound } from '@myelin/protocol/errors';

import type { Clock } from '../../../platform/clock.ts';
import type { Database, Interner } from '../../../platform/database/index.ts';
import { type Route, route } from '../../../platform/http/index.ts';
import { readCrossSigningKeys } from './cross-signing.store.ts';
import { allowReplacement } from './replacement.store.ts';

export interface ReplacementAdminNeeds {
  readonly database: Database;
  readonly names: Pick<Interner, 'knownIdOf'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** As long as Synapse gives. */
const windowMs = 10 * 60_000;

/**
 * For users who have lost their keys and cannot confirm that they are who they are: an operator who knows it lets them begin anew, once.
 * https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html#allow-replacing-master-cross-signing-key-without-user-interactive-auth
 */
export function replacementAdminRoutes({ database, names, clock }: ReplacementAdminNeeds): Route[] {
  return [
    route(admin.allowCrossSigningReplacement, async ({ params: { userId } }) => {
      const userNid = await names.knownIdOf(userId);
      if (userNid === undefined) throw hasNoKeys();
      const now = clock.now();
      const before = now + windowMs;
      await database.transaction(async (tx) => {
        const keys = await readCrossSigningKeys(tx, [userNid]);
        if (!keys.some(({ usage }) => usage === 'master')) throw hasNoKeys();
        allowReplacement(tx, userNid, { now, before });
      });
      return { updatable_without_uia_before_ms: before };
    }),
  ];
}

function hasNoKeys() {
  return notFound('There is no such user here, or none with a master cross-signing key');
}
