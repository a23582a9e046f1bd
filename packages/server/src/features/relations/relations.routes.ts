import * as client from '@myelin/protocol/api/client';

import { jsonArray, jsonObject, route, type RawJson, type Route, type UserRequester } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { BundleTools } from './bundle-aggregations.ts';
import { listRelations, type RelationsQuery } from './list-relations.ts';
import { listThreads } from './list-threads.ts';

/** The endpoints that list what relates to events. */
export function relationRoutes(tools: BundleTools): Route[] {
  const relations = async (requester: UserRequester, query: RelationsQuery): Promise<RawJson> => {
    const page = await listRelations(tools, viewerOf(requester), query);
    return jsonObject({
      chunk: jsonArray(page.chunk),
      next_batch: page.nextBatch && JSON.stringify(page.nextBatch),
      prev_batch: page.prevBatch && JSON.stringify(page.prevBatch),
      recursion_depth: page.recursionDepth?.toString(),
    });
  };
  return [
    route(client.getRelatingEvents, ({ params: { roomId, eventId: parentId }, query, requester }) =>
      relations(requester, { roomId, parentId, ...query }),
    ),
    route(client.getRelatingEventsWithRelType, ({ params: { roomId, eventId: parentId, relType }, query, requester }) =>
      relations(requester, { roomId, parentId, relType, ...query }),
    ),
    route(client.getRelatingEventsWithRelTypeAndEventType, ({ params, query, requester }) => {
      const { roomId, eventId: parentId, relType, eventType } = params;
      return relations(requester, { roomId, parentId, relType, eventType, ...query });
    }),
    route(client.getThreadRoots, async ({ params: { roomId }, query, requester }) => {
      const page = await listThreads(tools, viewerOf(requester), { roomId, ...query });
      return jsonObject({ chunk: jsonArray(page.chunk), next_batch: page.nextBatch && JSON.stringify(page.nextBatch) });
    }),
  ];
}
