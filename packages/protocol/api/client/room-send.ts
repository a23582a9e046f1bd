import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Sends an event that is not state. `ts` is for application services.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
 */
export const sendMessage = endpoint({
  id: 'sendMessage',
  method: 'PUT',
  ...clientPaths('oldest', '/rooms/:roomId/send/:eventType/:txnId'),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: Type.Object({ roomId: s.RoomId, eventType: shared.EventType, txnId: shared.TransactionId }),
  query: Type.Object({ ts: Type.Optional(s.QueryInteger({ minimum: 0 })) }),
  body: s.JsonObject,
  response: Type.Object({ event_id: s.EventId }),
});
