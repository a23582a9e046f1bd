import { userInUse } from '@myelin/protocol/errors';
import { type ServerName, userId, type UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Random } from '../../platform/random.ts';
import type { Account, ManagedAccounts, NewAccount } from '../account/index.ts';

/** What others do for a new user: a profile, rooms to join. */
export interface RegistrationHooks {
  /**
   * Each is awaited before the new user gets an answer. One that fails is logged: it never stands in the way of a registration.
   * `displayName` is undefined for guests.
   */
  readonly onRegistered: ((account: Account, extra: { readonly displayName?: string }) => Promise<void>)[];
}

export interface RegisterNeeds {
  readonly config: Pick<Config, 'user_types' | 'user_consent'>;
  readonly accounts: ManagedAccounts;
  readonly hooks: RegistrationHooks;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverName: ServerName;
}

/** Somebody who is to have an account, all checks made. */
export interface NewUser extends Omit<NewAccount, 'consent'> {
  /** The localpart where it is not given. */
  readonly displayName?: string;
  readonly acceptedTerms?: boolean;
}

/** Makes the account and tells everybody. Throws M_USER_IN_USE. */
export async function registerAccount(needs: RegisterNeeds, newUser: NewUser): Promise<Account> {
  const { displayName, acceptedTerms, ...wanted } = newUser;
  const consent = acceptedTerms ? acceptedNow(needs) : undefined;
  const userType = wanted.userType ?? needs.config.user_types.default_user_type;
  const account = await needs.accounts.create({
    ...wanted,
    ...(userType !== null && { userType }),
    ...(consent && { consent }),
  });
  await tellOfNewUser(needs, account, account.isGuest ? undefined : (displayName ?? account.localpart));
  return account;
}

/** A guest who becomes a user keeps the user id. Throws M_USER_IN_USE where that has happened already. */
export async function upgradeGuest(
  needs: RegisterNeeds,
  guest: Account,
  upgrade: { readonly passwordHash?: string; readonly acceptedTerms?: boolean },
): Promise<Account> {
  const { passwordHash, acceptedTerms } = upgrade;
  if (!guest.isGuest) throw userInUse();
  const consent = acceptedTerms ? acceptedNow(needs) : undefined;
  await needs.accounts.change(guest, {
    isGuest: false,
    ...(passwordHash !== undefined && { passwordHash }),
    ...(consent && { consent }),
  });
  const account = { ...guest, isGuest: false };
  await tellOfNewUser(needs, account, account.localpart);
  return account;
}

async function tellOfNewUser({ hooks, logger }: RegisterNeeds, account: Account, displayName: string | undefined): Promise<void> {
  for (const hook of hooks.onRegistered) {
    try {
      await hook(account, displayName === undefined ? {} : { displayName });
    } catch (error) {
      logger.error({ err: error, user: account.userId }, 'what follows a registration has failed in part');
    }
  }
}

function acceptedNow({ config, clock }: RegisterNeeds): { version: string; ts: number } | undefined {
  const version = config.user_consent?.version;
  return version === undefined || version === null ? undefined : { version, ts: clock.now() };
}

/** A user id of digits that nobody has, in all likelihood. */
export function guestUserId({ random, serverName }: Pick<RegisterNeeds, 'random' | 'serverName'>): UserId {
  return userId(String(random.integer(1e10, 1e14)), serverName);
}
