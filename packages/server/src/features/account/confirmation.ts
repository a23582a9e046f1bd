import { forbidden } from '@myelin/protocol/errors';

import type { UserRequester } from '../../platform/http/index.ts';
import type { Stage } from '../user-interactive-auth/index.ts';
import { identityOf } from './identity-of.ts';
import { type Passwords, passwordStage } from './passwords.ts';

/** How a user confirms what is dangerous: for each way its stages, in order. */
export interface Confirmation {
  /** Throws M_FORBIDDEN where the user has no way at all. */
  flowsFor(requester: UserRequester): Promise<readonly (readonly Stage[])[]>;
}

/** Confirmation by password, where the user has one. */
export function createConfirmation(passwords: Passwords): Confirmation {
  const byPassword = [passwordStage(passwords)];
  return {
    async flowsFor(requester) {
      if (passwords.enabled && (await passwords.has(identityOf(requester)))) return [byPassword];
      throw forbidden('This account has no password with which this could be confirmed');
    },
  };
}
