import type { UserRequester } from '../../platform/http/index.ts';
import type { AccountIdentity } from './account.ts';

/** The account behind a request. */
export function identityOf({ userId, userNid }: UserRequester): AccountIdentity {
  if (userNid === undefined) throw new Error(`the authenticator gave no number for ${userId}`);
  return { userId, userNid };
}
