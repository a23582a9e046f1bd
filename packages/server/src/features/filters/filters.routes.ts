import * as client from '@myelin/protocol/api/client';
import { forbidden } from '@myelin/protocol/errors';

import { route, type Route, type UserRequester } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { Filters } from './filters.ts';

/** Storing filters and reading them back; https://spec.matrix.org/v1.19/client-server-api/#filtering */
export function filterRoutes(filters: Filters): Route[] {
  return [
    route(client.defineFilter, async ({ params, body, requester }) => {
      mustBeOneself(requester, params.userId);
      return { filter_id: await filters.store(viewerOf(requester).userNid, body) };
    }),
    route(client.getFilter, ({ params, requester }) => {
      mustBeOneself(requester, params.userId);
      return filters.stored(viewerOf(requester).userNid, params.filterId);
    }),
  ];
}

function mustBeOneself(requester: UserRequester, userId: string): void {
  if (requester.userId !== userId) throw forbidden('Filters of others are not yours to see or make');
}
