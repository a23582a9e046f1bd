import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** A room as `initialSync` of old clients shows it. */
export const InitialSyncRoom = Type.Object({
  room_id: s.RoomId,
  membership: Type.Optional(shared.Membership),
  invite: Type.Optional(s.JsonObject),
  messages: Type.Optional(
    Type.Object({
      start: Type.Optional(Type.String()),
      end: Type.String(),
      chunk: Type.Array(shared.ClientEvent),
    }),
  ),
  state: Type.Optional(Type.Array(shared.ClientEvent)),
  visibility: Type.Optional(shared.Visibility),
  account_data: Type.Optional(Type.Array(shared.BasicEvent)),
  presence: Type.Optional(Type.Array(shared.BasicEvent)),
  receipts: Type.Optional(Type.Array(shared.BasicEvent)),
});

/**
 * The long poll of old clients; with `room_id` it is `peekEvents`, by which guests preview a room.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events
 */
export const getEvents = endpoint({
  id: 'getEvents',
  method: 'GET',
  ...clientPaths('oldest', '/events'),
  auth: 'user',
  guests: true,
  query: Type.Object({
    from: Type.Optional(Type.String()),
    timeout: Type.Optional(s.QueryInteger({ minimum: 0 })),
    room_id: Type.Optional(s.RoomId),
  }),
  response: Type.Object({
    start: Type.String(),
    end: Type.String(),
    chunk: Type.Array(Type.Union([shared.ClientEvent, shared.BasicEvent])),
  }),
});

/**
 * One event, whatever its room; deprecated.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3eventseventid
 */
export const getOneEvent = endpoint({
  id: 'getOneEvent',
  method: 'GET',
  ...clientPaths('oldest', '/events/:eventId'),
  auth: 'user',
  params: Type.Object({ eventId: s.EventId }),
  response: shared.ClientEvent,
});

/**
 * All of the user's rooms at once; deprecated.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync
 */
export const initialSync = endpoint({
  id: 'initialSync',
  method: 'GET',
  ...clientPaths('oldest', '/initialSync'),
  auth: 'user',
  query: Type.Object({ limit: Type.Optional(shared.Limit), archived: Type.Optional(s.QueryBoolean()) }),
  response: Type.Object({
    end: Type.String(),
    presence: Type.Array(shared.BasicEvent),
    rooms: Type.Array(InitialSyncRoom),
    account_data: Type.Optional(Type.Array(shared.BasicEvent)),
  }),
});
