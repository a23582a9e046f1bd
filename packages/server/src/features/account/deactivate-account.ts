import type { Database, InteractiveTx } from '../../platform/database/index.ts';
import type { Logger } from '../../platform/observability/index.ts';
import type { Account, AccountIdentity } from './account.ts';
import { markDeactivated, markParted, readAccount, readPartingAccounts } from './accounts.store.ts';
import type { ManagedAccounts } from './accounts.ts';

/** What others do for an account that was deactivated. */
export interface AccountHooks {
  /**
   * Leave its rooms, forget its profile. Called until it has succeeded, after a restart too, so it may find its work done already.
   * `account.isErased` says whether the user wished to be forgotten.
   */
  readonly onDeactivated: ((account: Account) => Promise<void>)[];
}

/** Ends logins; `features/login` does it. */
export interface EndsSessions {
  endAllIn(tx: InteractiveTx, user: AccountIdentity, except?: string): Promise<void>;
}

export interface DeactivationNeeds {
  readonly database: Database;
  readonly accounts: ManagedAccounts;
  readonly sessions: EndsSessions;
  readonly hooks: AccountHooks;
  readonly logger: Logger;
}

export interface Deactivation {
  /** Ends an account for good: nobody can log in any more when this resolves. The rest follows in the background. */
  deactivate(user: AccountIdentity, options: { readonly erase: boolean }): Promise<void>;
  /** Takes up again what was not finished. */
  resume(): Promise<void>;
  /** Waits for what is under way. */
  settled(): Promise<void>;
}

/** https://spec.matrix.org/v1.19/client-server-api/#account-deactivation */
export function createDeactivation(needs: DeactivationNeeds): Deactivation {
  const { database, accounts, sessions, hooks, logger } = needs;
  const parting = new Map<number, Promise<void>>();

  const part = async (account: Account): Promise<void> => {
    try {
      for (const hook of hooks.onDeactivated) await hook(account);
      await database.write((tx) => markParted(tx, account.userNid));
    } catch (error) {
      logger.error(
        { err: error, user: account.userId },
        'an account that was deactivated has not left everything; tried again later',
      );
    } finally {
      parting.delete(account.userNid);
    }
  };
  const begin = (account: Account): Promise<void> => {
    const begun = parting.get(account.userNid) ?? part(account);
    parting.set(account.userNid, begun);
    return begun;
  };

  return {
    async deactivate(user, { erase }) {
      await database.transaction(async (tx) => {
        markDeactivated(tx, user.userNid, erase);
        await sessions.endAllIn(tx, user);
        accounts.changedIn(tx, user);
      });
      const account = await readAccount(database, user.userNid);
      if (account) void begin(account);
    },
    async resume() {
      for (const account of await readPartingAccounts(database)) await begin(account);
    },
    settled: async () => void (await Promise.all(parting.values())),
  };
}
