import { Type } from 'typebox';

import type { UserId } from '../../identifiers/types.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';
import { keylessStatePaths, StateParams } from './state-paths.ts';

const RoomMember = Type.Object({
  display_name: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  avatar_url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

/**
 * One event. MSC2815: moderators may ask for what a redaction took.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomideventeventid
 */
export const getOneRoomEvent = endpoint({
  id: 'getOneRoomEvent',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/event/:eventId'),
  auth: 'user',
  guests: true,
  params: shared.RoomEventParams,
  query: Type.Object({
    include_unredacted_content: Type.Optional(s.QueryBoolean()),
    'fi.mau.msc2815.include_unredacted_content': Type.Optional(s.QueryBoolean()),
  }),
  response: shared.ClientEvent,
});

/**
 * All current state, or the state when the user left.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
 */
export const getRoomState = endpoint({
  id: 'getRoomState',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/state'),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  response: Type.Array(shared.ClientEvent),
});

/**
 * One piece of state: its content, or the whole event.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
 */
export const getRoomStateWithKey = endpoint({
  id: 'getRoomStateWithKey',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/state/:eventType/:stateKey', keylessStatePaths),
  auth: 'user',
  guests: true,
  params: StateParams,
  query: Type.Object({ format: Type.Optional(s.OneOf('content', 'event')) }),
  response: s.JsonObject,
});

/**
 * The membership events of a room.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers
 */
export const getMembersByRoom = endpoint({
  id: 'getMembersByRoom',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/members'),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  query: Type.Object({
    at: Type.Optional(Type.String()),
    membership: Type.Optional(shared.Membership),
    not_membership: Type.Optional(shared.Membership),
  }),
  response: Type.Object({ chunk: Type.Array(shared.ClientEvent) }),
});

/**
 * Who is in the room, with names and avatars.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members
 */
export const getJoinedMembersByRoom = endpoint({
  id: 'getJoinedMembersByRoom',
  method: 'GET',
  ...clientPaths('oldest', '/rooms/:roomId/joined_members'),
  auth: 'user',
  params: shared.RoomParams,
  response: Type.Object({
    joined: s.MapBy<UserId, typeof RoomMember>(RoomMember),
  }),
});
