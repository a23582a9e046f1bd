import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Feature } from '../feature.ts';
import { HierarchyPages } from './hierarchy-pages.ts';
import { noRemoteSpaces, type RemoteSpaces } from './remote-spaces.ts';
import { spacesFederation, type SpacesForServersTools } from './spaces.federation.ts';
import { spaceRoutes } from './spaces.routes.ts';

export type { HierarchyEntry } from './hierarchy-entry.ts';
export type { RemoteHierarchy, RemoteSpaces } from './remote-spaces.ts';
export type { ChildEvent } from './space-children.ts';

export interface SpacesNeeds extends SpacesForServersTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly caches: CacheBudget;
  /** Absent: the server stands alone. */
  readonly remoteSpaces?: RemoteSpaces;
}

/** Rooms made of rooms: the tree of a space, for people and for other servers. */
export function spacesFeature(needs: SpacesNeeds): Feature {
  const remote = needs.remoteSpaces ?? noRemoteSpaces;
  return {
    name: 'spaces',
    routes: [...spaceRoutes({ ...needs, remote }, new HierarchyPages(needs)), ...spacesFederation(needs)],
  };
}
