import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * An event with what happened before and after it.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidcontexteventid
 */
export const getEventContext = endpoint({
  id: 'getEventContext',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/context/:eventId'),
  auth: 'user',
  guests: true,
  params: shared.RoomEventParams,
  query: Type.Object({ limit: Type.Optional(shared.Limit), filter: Type.Optional(Type.String()) }),
  response: Type.Object({
    start: Type.Optional(Type.String()),
    end: Type.Optional(Type.String()),
    event: shared.ClientEvent,
    events_before: Type.Array(shared.ClientEvent),
    events_after: Type.Array(shared.ClientEvent),
    state: Type.Array(shared.ClientEvent),
  }),
});
