import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms_response-200_publicroomschunk */
export const PublicRoom = Type.Object({
  room_id: s.RoomId,
  num_joined_members: s.Count,
  world_readable: Type.Boolean(),
  guest_can_join: Type.Boolean(),
  canonical_alias: Type.Optional(s.RoomAlias),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
  join_rule: Type.Optional(Type.String()),
  room_type: Type.Optional(Type.String()),
});

/** A page of a directory, of ours or another server's. */
export const PublicRooms = Type.Object({
  chunk: Type.Array(PublicRoom),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  total_room_count_estimate: Type.Optional(s.Count),
});

/** What is looked for in a directory. */
export const PublicRoomsSearch = Type.Object({
  limit: Type.Optional(s.Count),
  since: Type.Optional(Type.String()),
  filter: Type.Optional(
    Type.Object({
      generic_search_term: Type.Optional(Type.String()),
      /** `null` stands for rooms without a type. */
      room_types: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Null()]))),
    }),
  ),
  include_all_networks: Type.Optional(Type.Boolean()),
  third_party_instance_id: Type.Optional(Type.String()),
});

/**
 * Whether the room is listed in the directory.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid
 */
export const getRoomVisibilityOnDirectory = endpoint({
  id: 'getRoomVisibilityOnDirectory',
  method: 'GET',
  ...clientPaths('oldest', '/directory/list/room/:roomId'),
  auth: 'none',
  params: shared.RoomParams,
  response: Type.Object({ visibility: shared.Visibility }),
});

/**
 * Lists the room in the directory, or takes it out.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid
 */
export const setRoomVisibilityOnDirectory = endpoint({
  id: 'setRoomVisibilityOnDirectory',
  method: 'PUT',
  ...clientPaths('oldest', '/directory/list/room/:roomId'),
  auth: 'user',
  refusedWhenSuspended: true,
  params: shared.RoomParams,
  body: Type.Object({ visibility: Type.Optional(shared.Visibility) }),
  bodyOptional: true,
  response: s.Empty,
});

/**
 * The directory of rooms. Whether a token is needed is a setting.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms
 */
export const getPublicRooms = endpoint({
  id: 'getPublicRooms',
  method: 'GET',
  ...clientPaths('oldest', '/publicRooms'),
  auth: 'optional',
  query: Type.Object({
    limit: Type.Optional(shared.Limit),
    since: Type.Optional(Type.String()),
    server: Type.Optional(s.ServerName),
  }),
  response: PublicRooms,
});

/**
 * The directory of rooms, searched. Guests may: they see the same list by `getPublicRooms`.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms
 */
export const queryPublicRooms = endpoint({
  id: 'queryPublicRooms',
  method: 'POST',
  ...clientPaths('oldest', '/publicRooms'),
  auth: 'user',
  guests: true,
  query: Type.Object({ server: Type.Optional(s.ServerName) }),
  body: PublicRoomsSearch,
  bodyOptional: true,
  response: PublicRooms,
});
