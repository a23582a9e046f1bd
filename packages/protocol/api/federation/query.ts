import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * The room behind one of the receiving server's aliases.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory
 */
export const queryRoomDirectory = endpoint({
  id: 'queryRoomDirectory',
  method: 'GET',
  path: '/_matrix/federation/v1/query/directory',
  auth: 'server',
  query: Type.Object({ room_alias: s.RoomAlias }),
  response: Type.Object({ room_id: s.RoomId, servers: Type.Array(s.ServerName) }),
});

/**
 * The profile of one of the receiving server's users, or one field of it.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile
 */
export const queryProfile = endpoint({
  id: 'queryProfile',
  method: 'GET',
  path: '/_matrix/federation/v1/query/profile',
  auth: 'server',
  query: Type.Object({ user_id: s.UserId, field: Type.Optional(Type.String()) }),
  response: s.JsonObject,
});

/**
 * Any other question. This server knows none; modules may.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryquerytype
 */
export const queryInfo = endpoint({
  id: 'queryInfo',
  method: 'GET',
  path: '/_matrix/federation/v1/query/:queryType',
  auth: 'server',
  params: Type.Object({ queryType: Type.String() }),
  response: s.JsonObject,
});
