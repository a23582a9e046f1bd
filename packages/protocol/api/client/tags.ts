import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#room-tagging */
const Tag = Type.Object({ order: Type.Optional(Type.Number()) });

/**
 * The tags the user gave a room.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridroomsroomidtags
 */
export const getRoomTags = endpoint({
  id: 'getRoomTags',
  method: 'GET',
  ...clientPaths('v3', '/user/:userId/rooms/:roomId/tags'),
  auth: 'user',
  params: shared.UserRoomParams,
  response: Type.Object({ tags: s.MapOf(Tag) }),
});

/**
 * Tags a room.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag
 */
export const setRoomTag = endpoint({
  id: 'setRoomTag',
  method: 'PUT',
  ...clientPaths('v3', '/user/:userId/rooms/:roomId/tags/:tag'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, roomId: s.RoomId, tag: Type.String({ minLength: 1, maxLength: 255 }) }),
  body: Tag,
  bodyOptional: true,
  response: s.Empty,
});

/**
 * Takes a tag off a room.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag
 */
export const deleteRoomTag = endpoint({
  id: 'deleteRoomTag',
  method: 'DELETE',
  ...clientPaths('v3', '/user/:userId/rooms/:roomId/tags/:tag'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, roomId: s.RoomId, tag: Type.String({ minLength: 1, maxLength: 255 }) }),
  response: s.Empty,
});
