import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * A page of a room's history. `dir` is required by the spec; Synapse takes `f` where it is missing, and so clients leave it out.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages
 */
export const getRoomEvents = endpoint({
  id: 'getRoomEvents',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/messages'),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  query: Type.Object({
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    dir: Type.Optional(shared.Direction),
    limit: Type.Optional(shared.Limit),
    filter: Type.Optional(Type.String()),
  }),
  response: Type.Object({
    start: Type.String(),
    end: Type.Optional(Type.String()),
    chunk: Type.Array(shared.ClientEvent),
    state: Type.Optional(Type.Array(shared.ClientEvent)),
  }),
});
