import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const RelationsQuery = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  limit: Type.Optional(shared.Limit),
  dir: Type.Optional(shared.Direction),
  recurse: Type.Optional(s.QueryBoolean()),
});

const Relations = Type.Object({
  chunk: Type.Array(shared.ClientEvent),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  recursion_depth: Type.Optional(s.Count),
});

/**
 * The events that relate to an event.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventid
 */
export const getRelatingEvents = endpoint({
  id: 'getRelatingEvents',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/relations/:eventId', ['/_matrix/client/unstable/rooms/:roomId/relations/:eventId']),
  auth: 'user',
  params: shared.RoomEventParams,
  query: RelationsQuery,
  response: Relations,
});

/**
 * The events that relate to an event in one way.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype
 */
export const getRelatingEventsWithRelType = endpoint({
  id: 'getRelatingEventsWithRelType',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/relations/:eventId/:relType', [
    '/_matrix/client/unstable/rooms/:roomId/relations/:eventId/:relType',
  ]),
  auth: 'user',
  params: Type.Object({ roomId: s.RoomId, eventId: s.EventId, relType: shared.EventType }),
  query: RelationsQuery,
  response: Relations,
});

/**
 * The events of one type that relate to an event in one way.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype
 */
export const getRelatingEventsWithRelTypeAndEventType = endpoint({
  id: 'getRelatingEventsWithRelTypeAndEventType',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/relations/:eventId/:relType/:eventType', [
    '/_matrix/client/unstable/rooms/:roomId/relations/:eventId/:relType/:eventType',
  ]),
  auth: 'user',
  params: Type.Object({
    roomId: s.RoomId,
    eventId: s.EventId,
    relType: shared.EventType,
    eventType: shared.EventType,
  }),
  query: RelationsQuery,
  response: Relations,
});
