import type { RelatedBy } from '@myelin/protocol/filters';

import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database, Interner } from '../../platform/database/index.ts';
import type { Notifier } from '../../platform/streams/index.ts';
import type { Rooms, StoredEvent, SyncCompanion, SyncSource, Viewer } from '../../rooms/index.ts';
import type { Feature } from '../feature.ts';
import type { Filters } from '../filters/index.ts';
import { KeptAnswers } from './kept-answers.ts';
import { LazyMembers } from './room/lazy-members.ts';
import { SharedReads } from './room/shared-reads.ts';
import { SyncSources } from './sync-sources.ts';
import { syncRoutes, type SeenBySync } from './sync.routes.ts';

export { SyncSources } from './sync-sources.ts';
export type { PresenceOfSync, SeenBySync } from './sync.routes.ts';

export interface SyncNeeds {
  readonly config: {
    readonly caches: { readonly sync_response_cache_duration: number };
    readonly exclude_rooms_from_sync: readonly string[];
    readonly filter_timeline_limit: number;
  };
  readonly database: Database;
  readonly names: Interner;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly rooms: Rooms;
  readonly filters: Filters;
  /** Of all features: what clients follow beside events. */
  readonly sources: readonly SyncSource[];
  /** Of all features: what stands in every answer. */
  readonly companions?: readonly SyncCompanion[];
  readonly presence: SeenBySync;
  /** What relates to events, for filters that ask for it (`related_by_senders`, `related_by_rel_types`). */
  relationsOf(viewer: Viewer, events: readonly StoredEvent[]): Promise<ReadonlyMap<number, RelatedBy>>;
}

/** `/sync`; https://spec.matrix.org/v1.19/client-server-api/#syncing */
export function syncFeature(needs: SyncNeeds): Feature {
  const { config, caches, clock } = needs;
  return {
    name: 'sync',
    routes: syncRoutes({
      tools: {
        database: needs.database,
        names: needs.names,
        notifier: needs.notifier,
        clock,
        rooms: needs.rooms,
        sources: new SyncSources(needs.rooms, needs.sources, needs.companions),
        reads: new SharedReads(needs),
        lazyMembers: new LazyMembers(caches),
        relationsOf: (viewer, events) => needs.relationsOf(viewer, events),
      },
      filters: needs.filters,
      kept: new KeptAnswers({ clock, caches, durationMs: config.caches.sync_response_cache_duration }),
      presence: needs.presence,
      excludedRooms: new Set(config.exclude_rooms_from_sync),
      timelineLimit: config.filter_timeline_limit < 0 ? undefined : config.filter_timeline_limit,
    }),
  };
}
