import * as federation from '@myelin/protocol/api/federation';

import type { Config } from '../../config/index.ts';
import { answer, route, type Route } from '../../platform/http/index.ts';
import { backfill } from './for-servers/backfill.ts';
import { extremitiesForServer } from './for-servers/extremities.ts';
import { missingEvents } from './for-servers/missing-events.ts';
import { OpenStates } from './for-servers/open-states.ts';
import type { ServerHistoryTools } from './for-servers/readable-by-server.ts';
import { authChainForServer, eventByTimeForServer, eventForServer } from './for-servers/single-events.ts';
import { stateIds, stateJson } from './for-servers/state-at-event.ts';

/**
 * What other servers read of rooms that they are in.
 * https://spec.matrix.org/v1.19/server-server-api/#room-state-resolution and #backfilling-and-retrieving-missing-events
 */
export function roomHistoryFederation(
  tools: ServerHistoryTools & { readonly config: Pick<Config, 'experimental_features'> },
): Route[] {
  const { clock, serverName } = tools;
  const openStates = new OpenStates();
  return [
    route(federation.getRoomState, async ({ params, query, requester }) => {
      const question = { roomId: params.roomId, eventId: query.event_id, server: requester.origin };
      return answer({ headers: { 'content-type': 'application/json' }, body: await stateJson(tools, openStates, question) });
    }),
    route(federation.getRoomStateIds, ({ params, query, requester }) =>
      stateIds(tools, { roomId: params.roomId, eventId: query.event_id, server: requester.origin }),
    ),
    route(federation.getEvent, async ({ params, requester }) => ({
      origin: serverName,
      origin_server_ts: clock.now(),
      pdus: [await eventForServer(tools, params.eventId, requester.origin)],
    })),
    route(federation.getEventAuth, async ({ params, requester }) => ({
      auth_chain: await authChainForServer(tools, { ...params, server: requester.origin }),
    })),
    route(federation.backfillRoom, async ({ params, query, requester }) => ({
      origin: serverName,
      origin_server_ts: clock.now(),
      pdus: await backfill(tools, { roomId: params.roomId, from: query.v, limit: query.limit, server: requester.origin }),
    })),
    route(federation.getMissingPreviousEvents, async ({ params, body, requester }) => ({
      events: await missingEvents(tools, {
        roomId: params.roomId,
        server: requester.origin,
        earliest: body.earliest_events,
        latest: body.latest_events,
        limit: body.limit,
        minDepth: body.min_depth,
      }),
    })),
    route(federation.getEventByTimestamp, async ({ params, query, requester }) => {
      const asked = { roomId: params.roomId, ts: query.ts, direction: query.dir, server: requester.origin };
      const event = await eventByTimeForServer(tools, asked);
      return { event_id: event.eventId, origin_server_ts: event.originServerTs };
    }),
    ...(tools.config.experimental_features.msc4370_enabled
      ? [
          route(federation.getExtremities, async ({ params, requester }) => ({
            prev_events: await extremitiesForServer(tools, params.roomId, requester.origin),
          })),
        ]
      : []),
  ];
}
