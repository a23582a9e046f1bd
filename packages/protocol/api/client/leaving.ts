import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Leaves a room, rejects an invite, takes back a knock.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave
 */
export const leaveRoom = endpoint({
  id: 'leaveRoom',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/leave'),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  bodyOptional: true,
  response: s.Empty,
});

/**
 * Forgets a room that the user has left.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidforget
 */
export const forgetRoom = endpoint({
  id: 'forgetRoom',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/forget'),
  auth: 'user',
  params: shared.RoomParams,
  response: s.Empty,
});
