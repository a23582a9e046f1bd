import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Invites a user.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite
 */
export const inviteUser = endpoint({
  id: 'inviteUser',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/invite'),
  auth: 'user',
  refusedWhenSuspended: true,
  params: shared.RoomParams,
  body: Type.Object({ user_id: s.UserId, reason: Type.Optional(Type.String()) }),
  response: s.Empty,
});
