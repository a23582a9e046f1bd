import type { Config } from '../../config/index.ts';
import { ServerVisibility } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import { FillGaps } from './fill-gaps.ts';
import type { ServerHistoryTools } from './for-servers/readable-by-server.ts';
import type { OldEventsTools } from './old-events.ts';
import { noRemoteHistory, type RemoteHistory } from './remote-history.ts';
import { roomHistoryFederation } from './room-history.federation.ts';
import { roomHistoryRoutes } from './room-history.routes.ts';

export { visibleEventOrNotFound } from './event-context.ts';
export type { RemoteHistory } from './remote-history.ts';
export type { RelatedByLookup } from './read-history.ts';
export { readableRoom, tokenFrom } from './room-access.ts';

/** What reading rooms back needs. */
export type RoomHistoryNeeds = Omit<OldEventsTools, 'fillGaps'> &
  Omit<ServerHistoryTools, 'serverVisibility'> & {
    /** Absent: the server stands alone. */
    readonly remoteHistory?: RemoteHistory;
    readonly config: Pick<Config, 'experimental_features'>;
  };

/**
 * Reading rooms back: pages of history, single events and what surrounds them, state, and how old clients did all that; the same for
 * other servers.
 */
export function roomHistoryFeature(needs: RoomHistoryNeeds): Feature {
  const remoteHistory = needs.remoteHistory ?? noRemoteHistory;
  const forServers = { ...needs, serverVisibility: new ServerVisibility(needs) };
  return {
    name: 'room-history',
    routes: [
      ...roomHistoryRoutes({ ...needs, remoteHistory, fillGaps: new FillGaps(needs) }),
      ...roomHistoryFederation(forServers),
    ],
  };
}
