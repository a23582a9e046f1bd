import * as admin from '@myelin/protocol/api/admin';
import { invalidParam, notFound } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import { type Route, route } from '../../platform/http/index.ts';
import type { Random } from '../../platform/random.ts';
import {
  deleteToken,
  insertToken,
  isValid,
  readToken,
  readTokens,
  type RegistrationToken,
  updateToken,
} from './registration-tokens.store.ts';

export interface RegistrationTokensAdminNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

const defaultLength = 16;

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html */
export function registrationTokensAdminRoutes({ database, clock, random }: RegistrationTokensAdminNeeds): Route[] {
  const checkExpiry = (expiryTs: number | null | undefined): void => {
    if (typeof expiryTs === 'number' && expiryTs < clock.now()) throw invalidParam('expiry_time must not be in the past');
  };
  return [
    route(admin.listRegistrationTokens, async ({ query }) => {
      const tokens = await readTokens(database);
      const now = clock.now();
      const wanted = query.valid === undefined ? tokens : tokens.filter((token) => isValid(token, now) === query.valid);
      return { registration_tokens: wanted.map(answerOf) };
    }),

    route(admin.createRegistrationToken, async ({ body }) => {
      checkExpiry(body.expiry_time);
      const token = body.token ?? random.token(body.length ?? defaultLength);
      if (!/^[A-Za-z0-9._~-]{1,64}$/.test(token)) {
        throw invalidParam('token must be 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"');
      }
      const created = { token, usesAllowed: body.uses_allowed ?? null, expiryTs: body.expiry_time ?? null };
      if (!(await insertToken(database, created))) throw invalidParam(`Token already exists: ${token}`);
      return answerOf({ ...created, pending: 0, completed: 0 });
    }),

    route(admin.getRegistrationToken, async ({ params }) => {
      const token = await readToken(database, params.token);
      if (!token) throw unknownRegistrationToken(params.token);
      return answerOf(token);
    }),

    route(admin.updateRegistrationToken, async ({ params, body }) => {
      checkExpiry(body.expiry_time);
      const token = await updateToken(database, params.token, {
        ...(body.uses_allowed !== undefined && { usesAllowed: body.uses_allowed }),
        ...(body.expiry_time !== undefined && { expiryTs: body.expiry_time }),
      });
      if (!token) throw unknownRegistrationToken(params.token);
      return answerOf(token);
    }),

    route(admin.deleteRegistrationToken, async ({ params }) => {
      if (!(await deleteToken(database, params.token))) throw unknownRegistrationToken(params.token);
      return {};
    }),
  ];
}

function answerOf({ token, usesAllowed, pending, completed, expiryTs }: RegistrationToken) {
  return { token, uses_allowed: usesAllowed, pending, completed, expiry_time: expiryTs };
}

function unknownRegistrationToken(token: string) {
  return notFound(`No such registration token: ${token}`);
}
