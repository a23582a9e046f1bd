import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Rooms } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import { accountDataRoutes } from './account-data.routes.ts';
import { accountDataSyncSource } from './account-data.sync.ts';
import { AccountData, type AccountDataNeeds } from './account-data.ts';
import { createIgnoredUsers } from './ignored-users.ts';

export type { AccountData, AccountDataChange, ServerManagedReader } from './account-data.ts';
export { wholeAccount } from './account-data.store.ts';

/** Account data and room tags. Other features read and write them through `accountData`. */
export async function accountDataFeature(
  needs: AccountDataNeeds & { readonly caches: CacheBudget; readonly rooms: Rooms },
): Promise<Feature & { readonly accountData: AccountData }> {
  const accountData = await AccountData.open(needs);
  needs.rooms.hooks.ignoredUsers = createIgnoredUsers(accountData, needs.caches);
  return {
    name: 'account-data',
    routes: accountDataRoutes(accountData, needs.rooms),
    sync: [accountDataSyncSource(needs, accountData)],
    accountData,
  };
}
