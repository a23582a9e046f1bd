import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const ThirdPartyInvite = Type.Object({
  id_server: Type.String(),
  id_access_token: Type.Optional(Type.String()),
  medium: Type.String(),
  address: Type.String(),
});

const InitialState = Type.Object({
  type: Type.String(),
  state_key: Type.Optional(Type.String()),
  content: s.JsonObject,
});

const CreateRoom = Type.Object({
  visibility: Type.Optional(shared.Visibility),
  /** The part of the alias between `#` and `:`. */
  room_alias_name: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  invite: Type.Optional(Type.Array(s.UserId)),
  invite_3pid: Type.Optional(Type.Array(ThirdPartyInvite)),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(s.JsonObject),
  initial_state: Type.Optional(Type.Array(InitialState)),
  preset: Type.Optional(s.OneOf('private_chat', 'public_chat', 'trusted_private_chat')),
  is_direct: Type.Optional(Type.Boolean()),
  power_level_content_override: Type.Optional(s.JsonObject),
});

/**
 * Creates a room and its first events.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 */
export const createRoom = endpoint({
  id: 'createRoom',
  method: 'POST',
  ...clientPaths('oldest', '/createRoom'),
  auth: 'user',
  refusedWhenSuspended: true,
  rateLimit: 'rc_room_creation',
  body: CreateRoom,
  bodyOptional: true,
  response: Type.Object({ room_id: s.RoomId }),
});
