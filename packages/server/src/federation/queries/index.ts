import type { QueryNeeds } from './asking.ts';
import { RemoteDirectories } from './remote-directory.ts';
import { RemoteHierarchies } from './remote-hierarchy.ts';
import { RemoteProfiles } from './remote-profiles.ts';

export { RemoteHistories, type BringIn, type RemoteHistoryNeeds } from './remote-history.ts';
export type { QueryNeeds, ServerCalls } from './asking.ts';

/** Questions that other servers are asked on behalf of people here; each is what a feature declares as its seam. */
export interface RemoteQueries {
  readonly directory: RemoteDirectories;
  readonly profiles: RemoteProfiles;
  readonly spaces: RemoteHierarchies;
}

/** Asks other servers for aliases, directories, profiles and spaces, and remembers for a while what they say. */
export function createRemoteQueries(needs: QueryNeeds): RemoteQueries {
  const spaces = new RemoteHierarchies(needs);
  return { directory: new RemoteDirectories(needs, spaces), profiles: new RemoteProfiles(needs), spaces };
}
