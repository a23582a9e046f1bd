import type { Feature } from '../feature.ts';
import { accountRoutes, type AccountRoutesNeeds } from './account.routes.ts';

export type { Account, AccountChanges, AccountIdentity, NewAccount } from './account.ts';
export { openAccounts } from './accounts.ts';
export type { Accounts, ManagedAccounts } from './accounts.ts';
export { isFirstUser, readAccount } from './accounts.store.ts';
export { createConfirmation } from './confirmation.ts';
export type { Confirmation } from './confirmation.ts';
export { createDeactivation } from './deactivate-account.ts';
export type { AccountHooks, Deactivation } from './deactivate-account.ts';
export { identityOf } from './identity-of.ts';
export { openPasswords, passwordStage, typedNameOf } from './passwords.ts';
export type { Passwords } from './passwords.ts';

const resumeEveryMs = 300_000;

/** A user's own account: whose token this is, its password, its end. */
export function accountFeature(needs: AccountRoutesNeeds): Feature {
  const { deactivation } = needs;
  return {
    name: 'account',
    routes: accountRoutes(needs),
    jobs: [{ name: 'finish deactivations', everyMs: resumeEveryMs, run: () => deactivation.resume() }],
    stop: () => deactivation.settled(),
  };
}
