import { hash as digest } from 'node:crypto';

import type { UserId } from '@myelin/protocol/identifiers';

import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Random } from '../../platform/random.ts';
import { insertOpenIdToken, ownerOfOpenIdToken, removeExpiredOpenIdTokens } from './openid-tokens.store.ts';

export interface OpenIdNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly clock: Clock;
  readonly random: Random;
  readonly accounts: LiveAccounts;
}

/** Whose account has ended; `features/account` knows. */
export interface LiveAccounts {
  isDeactivated(userId: UserId): Promise<boolean>;
}

/** For how long a token tells who somebody is. */
export const openIdLifetimeMs = 3_600_000;
const tokenLength = 40;

/** Tokens by which others learn who somebody is, and nothing else; https://spec.matrix.org/v1.19/client-server-api/#openid */
export class OpenIdTokens {
  readonly #needs: OpenIdNeeds;

  constructor(needs: OpenIdNeeds) {
    this.#needs = needs;
  }

  /** A new token. Only its hash is kept. */
  async make(userNid: number): Promise<string> {
    const { clock, database, random } = this.#needs;
    const token = random.token(tokenLength);
    await database.write((tx) =>
      insertOpenIdToken(tx, { hash: hashOf(token), userNid, expiresTs: clock.now() + openIdLifetimeMs }),
    );
    return token;
  }

  /** Who made a token; undefined where it is none, has expired, or its owner's account has ended. */
  async ownerOf(token: string): Promise<UserId | undefined> {
    const { accounts, clock, database, names } = this.#needs;
    const userNid = await ownerOfOpenIdToken(database, hashOf(token), clock.now());
    if (userNid === undefined) return undefined;
    const userId = (await names.textOf(userNid)) as UserId;
    return (await accounts.isDeactivated(userId)) ? undefined : userId;
  }

  async removeExpired(): Promise<void> {
    const { clock, database } = this.#needs;
    await database.write((tx) => removeExpiredOpenIdTokens(tx, clock.now()));
  }
}

function hashOf(token: string): Uint8Array {
  return digest('sha256', token, 'buffer');
}
