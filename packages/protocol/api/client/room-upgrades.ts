import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Replaces a room by one of another version.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade
 */
export const upgradeRoom = endpoint({
  id: 'upgradeRoom',
  method: 'POST',
  ...clientPaths('v3', '/rooms/:roomId/upgrade'),
  auth: 'user',
  refusedWhenSuspended: true,
  params: shared.RoomParams,
  body: Type.Object({ new_version: Type.String(), additional_creators: Type.Optional(Type.Array(s.UserId)) }),
  response: Type.Object({ replacement_room: s.RoomId }),
});
