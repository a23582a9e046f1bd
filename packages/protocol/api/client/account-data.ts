import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * What the user keeps under a type.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridaccount_datatype
 */
export const getAccountData = endpoint({
  id: 'getAccountData',
  method: 'GET',
  ...clientPaths('v3', '/user/:userId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, type: shared.EventType }),
  response: s.JsonObject,
});

/**
 * Keeps something under a type; the server itself manages `m.fully_read` and `m.push_rules`.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridaccount_datatype
 */
export const setAccountData = endpoint({
  id: 'setAccountData',
  method: 'PUT',
  ...clientPaths('v3', '/user/:userId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, type: shared.EventType }),
  body: s.JsonObject,
  response: s.Empty,
});

/**
 * What the user keeps under a type for one room.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype
 */
export const getAccountDataPerRoom = endpoint({
  id: 'getAccountDataPerRoom',
  method: 'GET',
  ...clientPaths('v3', '/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, roomId: s.RoomId, type: shared.EventType }),
  response: s.JsonObject,
});

/**
 * Keeps something under a type for one room.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype
 */
export const setAccountDataPerRoom = endpoint({
  id: 'setAccountDataPerRoom',
  method: 'PUT',
  ...clientPaths('v3', '/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, roomId: s.RoomId, type: shared.EventType }),
  body: s.JsonObject,
  response: s.Empty,
});

/** MSC3391; the unstable prefix alone: nothing of it is in the spec yet. */
const msc3391 = '/_matrix/client/unstable/org.matrix.msc3391';

/**
 * Deletes what the user keeps under a type; followers are told of an empty object.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3391
 */
export const deleteAccountData = endpoint({
  id: 'deleteAccountData',
  method: 'DELETE',
  path: `${msc3391}/user/:userId/account_data/:type`,
  auth: 'user',
  params: Type.Object({ userId: s.UserId, type: shared.EventType }),
  response: s.Empty,
});

/**
 * Deletes what the user keeps under a type for one room.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/3391
 */
export const deleteAccountDataPerRoom = endpoint({
  id: 'deleteAccountDataPerRoom',
  method: 'DELETE',
  path: `${msc3391}/user/:userId/rooms/:roomId/account_data/:type`,
  auth: 'user',
  params: Type.Object({ userId: s.UserId, roomId: s.RoomId, type: shared.EventType }),
  response: s.Empty,
});
