import { RemoteDirectories } from './remote-directory.ts';
import { RemoteHierarchies } from './remote-hierarchy.ts';
import { RemoteHistories, type RemoteHistoryNeeds } from './remote-history.ts';
import { RemoteProfiles } from './remote-profiles.ts';

export type { QueryNeeds, ServerCalls } from './asking.ts';

/** Questions that other servers are asked on behalf of people here; each is what a feature declares as its seam. */
export interface RemoteQueries {
  readonly directory: RemoteDirectories;
  readonly profiles: RemoteProfiles;
  readonly spaces: RemoteHierarchies;
  readonly history: RemoteHistories;
}

/** Asks other servers for aliases, directories, profiles, spaces and the past, and remembers for a while what they say. */
export function createRemoteQueries(needs: RemoteHistoryNeeds): RemoteQueries {
  const spaces = new RemoteHierarchies(needs);
  return {
    directory: new RemoteDirectories(needs, spaces),
    history: new RemoteHistories(needs),
    profiles: new RemoteProfiles(needs),
    spaces,
  };
}
