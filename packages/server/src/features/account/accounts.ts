import { userInUse } from '@myelin/protocol/errors';
import { domainOf, isUserId, localpartOf, type ServerName, userId, userIdFits, type UserId } from '@myelin/protocol/identifiers';

import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { ConstraintError, type Database, type Interner, type Tx } from '../../platform/database/index.ts';
import type { Account, AccountChanges, AccountIdentity, NewAccount } from './account.ts';
import { insertAccount, readAccount, readAccountsIgnoringCase, updateAccount } from './accounts.store.ts';

/** Who has an account here, for everybody who must know. Answers from memory where it can. */
export interface Accounts {
  /** Undefined for users of other servers, and for users who are not. Deactivated accounts are found. */
  find(user: UserId): Promise<Account | undefined>;
  exists(user: UserId): Promise<boolean>;
  /** A server administrator. */
  isAdmin(user: UserId): Promise<boolean>;
  isDeactivated(user: UserId): Promise<boolean>;
}

/** Accounts, and the ways to change them, for the features that look after them. */
export interface ManagedAccounts extends Accounts {
  /**
   * The account that somebody means who types a localpart or a user id of this server. Capital letters may differ where that leaves one
   * account only.
   */
  findTyped(text: string): Promise<Account | undefined>;
  /** Throws M_USER_IN_USE when there is one of that name. */
  create(account: NewAccount): Promise<Account>;
  change(account: AccountIdentity, changes: AccountChanges): Promise<void>;
  /** For writes elsewhere that touch the account: what is remembered of it is forgotten when `tx` is durable. */
  changedIn(tx: Tx, account: AccountIdentity): void;
  /** Calls `listener` after each change of an account is durable. */
  onChanged(listener: (account: AccountIdentity) => void): void;
}

export interface AccountsNeeds {
  readonly database: Database;
  readonly names: Interner;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly serverName: ServerName;
}

const accountBytes = 400;

/** Opens the accounts of this server. */
export function openAccounts({ database, names, caches, clock, serverName }: AccountsNeeds): ManagedAccounts {
  const cache = new ByteCache<UserId, Account>({ budget: caches, cost: () => accountBytes });
  const listeners: ((account: AccountIdentity) => void)[] = [];
  // What was read before a change must not be remembered after it.
  let changes = 0;

  const find = async (user: UserId): Promise<Account | undefined> => {
    const known = cache.get(user);
    if (known || domainOf(user) !== serverName) return known;
    const before = changes;
    const nid = await names.knownIdOf(user);
    const account = nid === undefined ? undefined : await readAccount(database, nid);
    if (account && changes === before) cache.set(user, account);
    return account;
  };
  const changedIn = (tx: Tx, account: AccountIdentity): void => {
    tx.onCommit(() => {
      changes++;
      cache.delete(account.userId);
      for (const listener of listeners) listener(account);
    });
  };

  return {
    find,
    exists: async (user) => (await find(user)) !== undefined,
    isAdmin: async (user) => (await find(user))?.isAdmin ?? false,
    isDeactivated: async (user) => (await find(user))?.isDeactivated ?? false,
    async findTyped(text) {
      const user = typedUserId(text, serverName);
      if (user === undefined) return undefined;
      const exact = await find(user);
      if (exact) return exact;
      const similar = await readAccountsIgnoringCase(database, localpartOf(user));
      return similar.length === 1 ? similar[0] : undefined;
    },
    async create(account) {
      const userNid = await names.idOf(account.userId);
      try {
        await database.write((tx) => {
          insertAccount(tx, { ...account, userNid, createdTs: clock.now() });
          changedIn(tx, { userNid, userId: account.userId });
        });
      } catch (error) {
        if (error instanceof ConstraintError && error.kind === 'unique') throw userInUse();
        throw error;
      }
      const created = await find(account.userId);
      if (!created) throw new Error(`the account of ${account.userId} is not there after it was written`);
      return created;
    },
    change: (account, what) =>
      database.write((tx) => {
        updateAccount(tx, account.userNid, what);
        changedIn(tx, account);
      }),
    changedIn,
    onChanged: (listener) => void listeners.push(listener),
  };
}

function typedUserId(text: string, serverName: ServerName): UserId | undefined {
  if (text.startsWith('@')) return isUserId(text) && domainOf(text) === serverName ? text : undefined;
  if (text === '' || text.includes(':') || !text.isWellFormed() || text.includes('\0') || !userIdFits(text, serverName)) {
    return undefined;
  }
  return userId(text, serverName);
}
