import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Says that the user is typing, for `timeout` milliseconds, or no longer is.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid
 */
export const setTyping = endpoint({
  id: 'setTyping',
  method: 'PUT',
  ...clientPaths('oldest', '/rooms/:roomId/typing/:userId'),
  auth: 'user',
  refusedWhenSuspended: true,
  params: shared.UserRoomParams,
  body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(s.Milliseconds) }),
  response: s.Empty,
});
