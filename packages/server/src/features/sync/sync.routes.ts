import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';

import { rawJson, route, type Route } from '../../platform/http/index.ts';
import { decodeSyncToken, type SyncToken } from '../../platform/streams/index.ts';
import { viewerOf, type Viewer } from '../../rooms/index.ts';
import type { Filters } from '../filters/index.ts';
import { withMembers } from './build-sync.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { answerSync, type PollTools } from './long-poll.ts';
import type { SyncView } from './sync-view.ts';

/** What a sync says about a user's presence; https://spec.matrix.org/v1.19/client-server-api/#presence */
export type PresenceOfSync = 'online' | 'unavailable' | 'offline';

/** Hears of each sync. The feature that keeps presence is this. */
export interface SeenBySync {
  /** A client of this user syncs, for `pollMs` at most; `offline` leaves the presence as it is. */
  seen(viewer: Viewer, presence: PresenceOfSync, pollMs: number): void | Promise<void>;
}

export interface SyncRouteNeeds {
  readonly tools: PollTools;
  readonly filters: Filters;
  readonly kept: KeptAnswers;
  readonly presence: SeenBySync;
  readonly excludedRooms: ReadonlySet<string>;
  /** The most events of a room in one answer; undefined for no limit. */
  readonly timelineLimit: number | undefined;
}

const usualTimelineLimit = 10;

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync */
export function syncRoutes(needs: SyncRouteNeeds): Route[] {
  return [
    route(client.sync, async ({ query, requester, request }) => {
      const viewer = viewerOf(requester);
      const token = sinceOf(query.since);
      // Positions of events come from the database, which never goes back, unless it is restored from a copy. Such a client would ask with
      // its token for ever: it is told everything anew.
      const isFromLostTime = token !== undefined && token.events > needs.tools.sources.now().events;
      const since = isFromLostTime ? undefined : token;
      const filter = await needs.filters.named(viewer.userNid, query.filter);
      await needs.presence.seen(viewer, query.set_presence ?? 'online', query.timeout ?? 0);
      const stateMember = stateMemberOf(query);
      const fullState = query.full_state ?? false;
      const asking = JSON.stringify([requester.tokenId, query.filter, fullState, stateMember]);
      const kept = since && query.since !== undefined ? needs.kept.find(asking, query.since) : undefined;
      if (kept) return rawJson(kept.parts);
      const toldBesides = isFromLostTime ? await needs.tools.sources.putRight(viewer) : {};
      const answer = await answerSync(
        needs.tools,
        {
          viewer,
          filter,
          since,
          stateMember,
          fullState,
          excludedRooms: needs.excludedRooms,
          timelineLimit: Math.min(filter.timeline.limit ?? usualTimelineLimit, needs.timelineLimit ?? Infinity),
          membersKnownTo: needs.tools.lazyMembers.memoryOf(viewer, since && query.since),
        },
        { timeoutMs: query.timeout ?? 0, signal: request.signal },
      );
      // One that leads nowhere would be given again and again.
      if (since && query.since !== undefined && answer.hasNews && answer.nextBatch !== query.since) {
        needs.kept.keep(asking, query.since, answer);
      }
      return rawJson(withMembers(answer, toldBesides).parts);
    }),
  ];
}

function stateMemberOf(query: {
  readonly use_state_after?: boolean;
  readonly 'org.matrix.msc4222.use_state_after'?: boolean;
}): SyncView['stateMember'] {
  if (query.use_state_after) return 'state_after';
  return query['org.matrix.msc4222.use_state_after'] ? 'org.matrix.msc4222.state_after' : 'state';
}

/** Throws M_INVALID_PARAM for what is no token of a server like this. */
function sinceOf(text: string | undefined): SyncToken | undefined {
  if (text === undefined || text === '') return undefined;
  const token = decodeSyncToken(text);
  if (!token) throw invalidParam('since is not a token of this server');
  return token;
}
