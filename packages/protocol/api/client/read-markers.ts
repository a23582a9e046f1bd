import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Moves the read marker and, if asked, the receipts.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers
 */
export const setReadMarker = endpoint({
  id: 'setReadMarker',
  method: 'POST',
  ...clientPaths('v3', '/rooms/:roomId/read_markers'),
  auth: 'user',
  params: shared.RoomParams,
  body: Type.Object({
    'm.fully_read': Type.Optional(s.EventId),
    'm.read': Type.Optional(s.EventId),
    'm.read.private': Type.Optional(s.EventId),
    /** MSC4446: the fully-read marker may go back too. */
    allow_backward: Type.Optional(Type.Boolean()),
    'com.beeper.allow_backward': Type.Optional(Type.Boolean()),
  }),
  bodyOptional: true,
  response: s.Empty,
});
