import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * The event nearest to a moment.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
export const getEventByTimestamp = endpoint({
  id: 'getEventByTimestamp',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/timestamp_to_event', [
    '/_matrix/client/unstable/org.matrix.msc3030/rooms/:roomId/timestamp_to_event',
  ]),
  auth: 'user',
  params: shared.RoomParams,
  query: Type.Object({ ts: s.QueryInteger(), dir: Type.Optional(shared.Direction) }),
  response: Type.Object({ event_id: s.EventId, origin_server_ts: s.SafeInteger }),
});
