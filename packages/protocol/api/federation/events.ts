import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const AtEvent = Type.Object({ event_id: s.EventId });

/**
 * The state of a room right before an event.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid
 */
export const getRoomState = endpoint({
  id: 'getRoomState',
  method: 'GET',
  path: '/_matrix/federation/v1/state/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  query: AtEvent,
  response: Type.Object({ pdus: shared.Pdus, auth_chain: shared.Pdus }),
});

/**
 * The same as event ids.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid
 */
export const getRoomStateIds = endpoint({
  id: 'getRoomStateIds',
  method: 'GET',
  path: '/_matrix/federation/v1/state_ids/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  query: AtEvent,
  response: Type.Object({ pdu_ids: Type.Array(s.EventId), auth_chain_ids: Type.Array(s.EventId) }),
});

/**
 * One event.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid
 */
export const getEvent = endpoint({
  id: 'getEvent',
  method: 'GET',
  path: '/_matrix/federation/v1/event/:eventId',
  auth: 'server',
  params: Type.Object({ eventId: s.EventId }),
  response: shared.PduTransaction,
});

/**
 * The event nearest to a moment.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
 */
export const getEventByTimestamp = endpoint({
  id: 'getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
  aliases: ['/_matrix/federation/unstable/org.matrix.msc3030/timestamp_to_event/:roomId'],
  auth: 'server',
  params: shared.RoomParams,
  query: Type.Object({ ts: s.QueryInteger({ minimum: 0 }), dir: s.OneOf('f', 'b') }),
  response: Type.Object({ event_id: s.EventId, origin_server_ts: s.SafeInteger }),
});
