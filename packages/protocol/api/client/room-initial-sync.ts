import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import { InitialSyncRoom } from './old-sync.ts';
import * as shared from './shared.ts';

/**
 * One room at once; guests preview rooms by it.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
export const roomInitialSync = endpoint({
  id: 'roomInitialSync',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/initialSync'),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  query: Type.Object({ limit: Type.Optional(shared.Limit) }),
  response: InitialSyncRoom,
});
