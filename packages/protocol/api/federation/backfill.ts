import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Events and what came before them.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid
 */
export const backfillRoom = endpoint({
  id: 'backfillRoom',
  method: 'GET',
  path: '/_matrix/federation/v1/backfill/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  query: Type.Object({ v: s.QueryStringArray(s.EventId), limit: s.QueryInteger({ minimum: 1 }) }),
  response: shared.PduTransaction,
});

/**
 * The events between those that a server has and those that it was sent.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid
 */
export const getMissingPreviousEvents = endpoint({
  id: 'getMissingPreviousEvents',
  method: 'POST',
  path: '/_matrix/federation/v1/get_missing_events/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  body: Type.Object({
    limit: Type.Optional(s.SafeInteger),
    min_depth: Type.Optional(s.SafeInteger),
    earliest_events: Type.Array(s.EventId),
    latest_events: Type.Array(s.EventId),
  }),
  response: Type.Object({ events: shared.Pdus }),
});
