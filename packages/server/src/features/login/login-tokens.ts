import { forbidden, missingParam } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import { type Database, sql } from '../../platform/database/index.ts';
import type { Random } from '../../platform/random.ts';
import { type AccountIdentity, readAccount } from '../account/index.ts';
import type { Job } from '../feature.ts';
import type { LoginMethod } from './login-methods.ts';
import { tokenHashOf } from './sessions.ts';

/** Short-lived tokens with which somebody is logged in once more; https://spec.matrix.org/v1.19/client-server-api/#token-based */
export interface LoginTokens {
  /** @param lifetimeMs milliseconds for which it serves, once */
  make(user: AccountIdentity, lifetimeMs: number): Promise<string>;
  readonly method: LoginMethod;
  readonly job: Job;
}

export interface LoginTokensNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
}

const tokenLength = 40;

/** `flow`: what `GET /login` tells of it. */
export function openLoginTokens({ database, clock, random }: LoginTokensNeeds, flow: LoginMethod['flow']): LoginTokens {
  return {
    async make({ userNid }, lifetimeMs) {
      const token = `myl_${random.token(tokenLength)}`;
      await database.write((tx) =>
        tx.run(sql`INSERT INTO login_tokens (token_hash, user_nid, expires_ts)
          VALUES (${tokenHashOf(token)}, ${userNid}, ${clock.now() + lifetimeMs})`),
      );
      return token;
    },
    method: {
      type: 'm.login.token',
      ...(flow && { flow }),
      async identify({ token }) {
        if (token === undefined) throw missingParam('token');
        const account = await database.transaction(async (tx) => {
          const [used] = await tx.all(sql<{ user_nid: number; expires_ts: number }>`DELETE FROM login_tokens
            WHERE token_hash = ${tokenHashOf(token)} RETURNING user_nid, expires_ts`);
          return used && used.expires_ts > clock.now() ? readAccount(tx, used.user_nid) : undefined;
        });
        if (!account || account.isDeactivated) throw forbidden('Invalid login token');
        return account;
      },
    },
    job: {
      name: 'remove login tokens that were not used',
      everyMs: 3_600_000,
      run: () => database.write((tx) => tx.run(sql`DELETE FROM login_tokens WHERE expires_ts <= ${clock.now()}`)),
    },
  };
}
