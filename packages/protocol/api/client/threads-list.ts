import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * The roots of a room's threads, latest talk first.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads
 */
export const getThreadRoots = endpoint({
  id: 'getThreadRoots',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/threads', ['/_matrix/client/unstable/org.matrix.msc3856/rooms/:roomId/threads']),
  auth: 'user',
  params: shared.RoomParams,
  query: Type.Object({
    include: Type.Optional(s.OneOf('all', 'participated')),
    limit: Type.Optional(shared.Limit),
    from: Type.Optional(Type.String()),
  }),
  response: Type.Object({ chunk: Type.Array(shared.ClientEvent), next_batch: Type.Optional(Type.String()) }),
});
