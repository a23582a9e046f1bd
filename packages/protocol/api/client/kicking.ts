import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Makes another user leave.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidkick
 */
export const kick = endpoint({
  id: 'kick',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/kick'),
  auth: 'user',
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: shared.RoomParams,
  body: Type.Object({ user_id: s.UserId, reason: Type.Optional(Type.String()) }),
  response: s.Empty,
});
