import * as client from '@myelin/protocol/api/client';
import { guestAccessForbidden, missingParam, userLocked } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { type AnonymousRequester, type Route, route, type UserRequester } from '../../platform/http/index.ts';
import type { Stage, UserInteractiveAuth } from '../user-interactive-auth/index.ts';
import type { Account, AccountIdentity } from './account.ts';
import { updateAccount } from './accounts.store.ts';
import type { ManagedAccounts } from './accounts.ts';
import type { Confirmation } from './confirmation.ts';
import type { Deactivation, EndsSessions } from './deactivate-account.ts';
import { identityOf } from './identity-of.ts';
import { describePolicy } from './password-policy.ts';
import { type Passwords, passwordStage } from './passwords.ts';

export interface AccountRoutesNeeds {
  readonly config: Pick<Config, 'password_config'>;
  readonly database: Database;
  readonly accounts: ManagedAccounts;
  readonly passwords: Passwords;
  readonly sessions: EndsSessions;
  readonly userInteractiveAuth: UserInteractiveAuth;
  readonly confirmation: Confirmation;
  readonly deactivation: Deactivation;
}

/** A user's own account. */
export function accountRoutes(needs: AccountRoutesNeeds): Route[] {
  const { config, database, accounts, passwords, sessions, deactivation } = needs;
  return [
    route(client.getTokenOwner, ({ requester }) => ({
      user_id: requester.userId,
      ...(requester.deviceId !== undefined && { device_id: requester.deviceId }),
      ...(requester.isGuest && { is_guest: true }),
    })),

    route(client.getPasswordPolicy, () => describePolicy(config.password_config.policy)),

    route(client.changePassword, async ({ body, request, requester }) => {
      if (body.new_password !== undefined) passwords.checkNew(body.new_password);
      const proof = await needs.userInteractiveAuth.prove({ request, body, requester, flows: await flowsFor(needs, requester) });
      if (!proof.done) return proof.answer;
      const { new_password, logout_devices = true } = proof.body;
      if (new_password === undefined) throw missingParam('new_password');
      const user = await provenUser(needs, requester, proof.completed['m.login.password']);
      const passwordHash = await passwords.hash(new_password);
      await proof.claim();
      await database.transaction(async (tx) => {
        updateAccount(tx, user.userNid, { passwordHash });
        if (logout_devices) await sessions.endAllIn(tx, user, requester.kind === 'user' ? requester.deviceId : undefined);
        accounts.changedIn(tx, user);
      });
      return {};
    }),

    route(client.deactivateAccount, async ({ body, request, requester }) => {
      // An application service has proved by its token that its users are its own.
      if (requester.kind === 'user' && requester.appservice) {
        await deactivation.deactivate(identityOf(requester), { erase: body.erase ?? false });
        return { id_server_unbind_result: 'success' as const };
      }
      const proof = await needs.userInteractiveAuth.prove({ request, body, requester, flows: await flowsFor(needs, requester) });
      if (!proof.done) return proof.answer;
      const user = await provenUser(needs, requester, proof.completed['m.login.password']);
      await proof.claim();
      await deactivation.deactivate(user, { erase: proof.body.erase ?? false });
      return { id_server_unbind_result: 'success' as const };
    }),
  ];
}

/** Who has lost the token, but not the password, is known by that. */
async function flowsFor(
  { confirmation, passwords }: AccountRoutesNeeds,
  requester: UserRequester | AnonymousRequester,
): Promise<readonly (readonly Stage[])[]> {
  if (requester.kind === 'anonymous') return [[passwordStage(passwords)]];
  if (requester.isGuest) throw guestAccessForbidden();
  return confirmation.flowsFor(requester);
}

async function provenUser(
  { accounts }: AccountRoutesNeeds,
  requester: UserRequester | AnonymousRequester,
  proved: unknown,
): Promise<AccountIdentity> {
  if (requester.kind === 'user') return identityOf(requester);
  const account: Account | undefined = await accounts.find(proved as UserId);
  if (!account) throw new Error('the account that a password has proved is not there');
  if (account.isLocked) throw userLocked();
  return account;
}
