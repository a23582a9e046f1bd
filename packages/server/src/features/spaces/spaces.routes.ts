import * as client from '@myelin/protocol/api/client';

import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { HierarchyPages } from './hierarchy-pages.ts';
import { startOf, walkHierarchy, type HierarchyQuestion, type WalkTools } from './walk-hierarchy.ts';

/** The most rooms of one answer, and how many there are where none were asked for; Synapse has the same. */
const maxLimit = 50;
const maxDepth = 50;

/** https://spec.matrix.org/v1.19/client-server-api/#spaces */
export function spaceRoutes(tools: WalkTools, pages: HierarchyPages): Route[] {
  return [
    route(client.getSpaceHierarchy, async ({ params, query, requester }) => {
      const viewer = viewerOf(requester);
      const question: HierarchyQuestion = {
        roomId: params.roomId,
        via: query.via ?? [],
        suggestedOnly: query.suggested_only ?? false,
        maxDepth: Math.min(query.max_depth ?? maxDepth, maxDepth),
      };
      const from = query.from === undefined ? startOf(question) : pages.find(query.from, viewer.userNid, question);
      const limit = Math.min(query.limit ?? maxLimit, maxLimit);
      const { rooms, next } = await walkHierarchy(tools, viewer, question, from, limit);
      return { rooms, ...(next && { next_batch: pages.keep(viewer.userNid, question, next) }) };
    }),
  ];
}
