import { isJsonObject } from '@myelin/protocol/canonical-json';
import type { JsonObject } from '@myelin/protocol/events';

import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { IgnoredUsers } from '../../rooms/index.ts';
import type { AccountData } from './account-data.ts';

const listType = 'm.ignored_user_list';
const nobody: ReadonlySet<string> = new Set();
const bytesOfAUser = 120;

/**
 * Whom users ignore, from memory where it was asked before. An answer is never older than the change that its asker has seen done.
 * https://spec.matrix.org/v1.19/client-server-api/#ignoring-users
 */
export function createIgnoredUsers(accountData: AccountData, caches: CacheBudget): IgnoredUsers {
  interface Known {
    readonly users: Promise<ReadonlySet<string>>;
    readonly bytes: number;
  }
  const cache = new ByteCache<number, Known>({ budget: caches, cost: (known) => known.bytes });
  accountData.onChange(({ userNid, roomNid, type, content }) => {
    if (type !== listType || roomNid !== undefined) return;
    const users = usersIn(content);
    cache.set(userNid, { users: Promise.resolve(users), bytes: bytesOfAUser * (1 + users.size) });
  });
  return (userNid) => {
    const known = cache.get(userNid);
    if (known) return known.users;
    const users = accountData.readContent(userNid, listType).then(usersIn);
    const loading: Known = { users, bytes: bytesOfAUser };
    cache.set(userNid, loading);
    users.then(
      (loaded) => {
        // Its size is known only now; and a change may have taken its place meanwhile.
        if (loaded.size > 0 && cache.peek(userNid) === loading)
          cache.set(userNid, { users, bytes: bytesOfAUser * (1 + loaded.size) });
      },
      () => {
        if (cache.peek(userNid) === loading) cache.delete(userNid);
      },
    );
    return users;
  };
}

/** The users in the content of `m.ignored_user_list`. Clients write it: what makes no sense ignores nobody. */
export function usersIn(content: JsonObject | undefined): ReadonlySet<string> {
  const users = content?.['ignored_users'];
  if (!isJsonObject(users)) return nobody;
  const ids = Object.keys(users);
  return ids.length === 0 ? nobody : new Set(ids);
}
