import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Asks to be invited.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3knockroomidoralias
 */
export const knockRoom = endpoint({
  id: 'knockRoom',
  method: 'POST',
  ...clientPaths('oldest', '/knock/:roomIdOrAlias'),
  auth: 'user',
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: shared.RoomIdOrAliasParams,
  query: Type.Object({
    via: Type.Optional(s.QueryStringArray(s.ServerName)),
    /** What `via` was called before 1.12. */
    server_name: Type.Optional(s.QueryStringArray(s.ServerName)),
  }),
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  bodyOptional: true,
  response: Type.Object({ room_id: s.RoomId }),
});
