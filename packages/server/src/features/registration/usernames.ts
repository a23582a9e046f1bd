import { invalidUsername, userInUse } from '@myelin/protocol/errors';
import { isValidLocalpart, type ServerName, userId, userIdFits, type UserId } from '@myelin/protocol/identifiers';

import type { ManagedAccounts } from '../account/index.ts';

/** Who asks for a name. */
export interface NameWish {
  /** A guest who keeps the number as a name; https://spec.matrix.org/v1.19/client-server-api/#guest-access */
  readonly guest?: UserId;
}

/**
 * The user id that a new user would have by that name. Throws M_INVALID_USERNAME for a name that cannot be had.
 * https://spec.matrix.org/v1.19/appendices/#user-identifiers
 */
export function newUserId(
  username: string,
  wish: NameWish,
  settings: { readonly serverName: ServerName; readonly underscoreAllowed: boolean },
): UserId {
  if (username === '') throw invalidUsername('The user name is empty');
  if (!isValidLocalpart(username)) {
    throw invalidUsername("User names may only contain the characters a-z, 0-9, '.', '_', '=', '-', '/' and '+'");
  }
  if (username.startsWith('_') && !settings.underscoreAllowed) {
    throw invalidUsername("User names may not begin with '_'");
  }
  if (!userIdFits(username, settings.serverName)) throw invalidUsername('The user name is too long');
  const user = userId(username, settings.serverName);
  if (/^[0-9]+$/.test(username) && wish.guest === undefined) {
    throw invalidUsername('User names of digits only are reserved for guests');
  }
  return user;
}

/** Throws M_USER_IN_USE where somebody has that name, whatever its capital letters, or had it once. */
export async function checkNameIsFree(user: UserId, accounts: ManagedAccounts): Promise<void> {
  if (await accounts.findTyped(user)) throw userInUse();
}
