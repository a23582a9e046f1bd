import type { Feature } from '../feature.ts';
import { accountRoutes } from './account.routes.ts';
import type { AccountRoutesNeeds } from './account.routes.ts';

export type { Account, AccountChanges, AccountIdentity, NewAccount } from './account.ts';
export { openAccounts } from './accounts.ts';
export type { Accounts, ManagedAccounts } from './accounts.ts';
export { readAccount } from './accounts.store.ts';
export { openPasswords, passwordStage, typedNameOf } from './passwords.ts';
export type { Passwords } from './passwords.ts';

/** A user's own account: whose token is this, what must a password be. */
export function accountFeature(needs: AccountRoutesNeeds): Feature {
  return { name: 'account', routes: accountRoutes(needs) };
}
