import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#third-party-invites */
const ThirdPartySigned = Type.Object({
  sender: s.UserId,
  mxid: s.UserId,
  token: Type.String(),
  signatures: s.MapOf(s.MapOf(Type.String())),
});

/**
 * Joins a room that this server knows.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidjoin
 */
export const joinRoomById = endpoint({
  id: 'joinRoomById',
  method: 'POST',
  ...clientPaths('oldest', '/rooms/:roomId/join'),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  params: shared.RoomParams,
  body: Type.Object({
    reason: Type.Optional(Type.String()),
    third_party_signed: Type.Optional(ThirdPartySigned),
  }),
  bodyOptional: true,
  response: Type.Object({ room_id: s.RoomId }),
});

/**
 * Joins a room by id or alias, through other servers where needed.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3joinroomidoralias
 */
export const joinRoom = endpoint({
  id: 'joinRoom',
  method: 'POST',
  ...clientPaths('oldest', '/join/:roomIdOrAlias'),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  params: shared.RoomIdOrAliasParams,
  query: Type.Object({
    via: Type.Optional(s.QueryStringArray(s.ServerName)),
    /** What `via` was called before 1.12. */
    server_name: Type.Optional(s.QueryStringArray(s.ServerName)),
  }),
  body: Type.Object({
    reason: Type.Optional(Type.String()),
    third_party_signed: Type.Optional(ThirdPartySigned),
  }),
  bodyOptional: true,
  response: Type.Object({ room_id: s.RoomId }),
});
