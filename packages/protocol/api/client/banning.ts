import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Bans a user, who is kicked if in the room.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban
 */
export const ban = endpoint({
  id: 'ban',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/ban'),
  auth: 'user',
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: shared.RoomParams,
  body: Type.Object({ user_id: s.UserId, reason: Type.Optional(Type.String()) }),
  response: s.Empty,
});

/**
 * Lets a banned user join again, if the join rules allow it.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidunban
 */
export const unban = endpoint({
  id: 'unban',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/unban'),
  auth: 'user',
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: shared.RoomParams,
  body: Type.Object({ user_id: s.UserId, reason: Type.Optional(Type.String()) }),
  response: s.Empty,
});
