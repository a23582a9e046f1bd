import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * The rooms the user is in.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms
 */
export const getJoinedRooms = endpoint({
  id: 'getJoinedRooms',
  method: 'GET',
  ...clientPaths('oldest', '/joined_rooms'),
  auth: 'user',
  response: Type.Object({ joined_rooms: Type.Array(s.RoomId) }),
});
