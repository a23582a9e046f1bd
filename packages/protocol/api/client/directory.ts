import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Points a new alias to a room.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias
 */
export const setRoomAlias = endpoint({
  id: 'setRoomAlias',
  method: 'PUT',
  ...clientPaths('oldest', '/directory/room/:roomAlias'),
  auth: 'user',
  refusedWhenSuspended: true,
  params: Type.Object({ roomAlias: s.RoomAlias }),
  body: Type.Object({ room_id: s.RoomId }),
  response: s.Empty,
});

/**
 * The room an alias points to, and servers that know it.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias
 */
export const getRoomIdByAlias = endpoint({
  id: 'getRoomIdByAlias',
  method: 'GET',
  ...clientPaths('oldest', '/directory/room/:roomAlias'),
  auth: 'none',
  params: Type.Object({ roomAlias: s.RoomAlias }),
  response: Type.Object({ room_id: s.RoomId, servers: Type.Array(s.ServerName) }),
});

/**
 * Removes an alias.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
 */
export const deleteRoomAlias = endpoint({
  id: 'deleteRoomAlias',
  method: 'DELETE',
  ...clientPaths('oldest', '/directory/room/:roomAlias'),
  auth: 'user',
  params: Type.Object({ roomAlias: s.RoomAlias }),
  response: s.Empty,
});

/**
 * The aliases of a room on this server.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases
 */
export const getLocalAliases = endpoint({
  id: 'getLocalAliases',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/aliases', ['/_matrix/client/unstable/org.matrix.msc2432/rooms/:roomId/aliases']),
  auth: 'user',
  params: shared.RoomParams,
  response: Type.Object({ aliases: Type.Array(s.RoomAlias) }),
});
