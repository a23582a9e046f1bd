import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Redacts an event. It has no limiter of its own here: whose event it is decides which one counts it (`rc_admin_redaction`).
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid
 */
export const redactEvent = endpoint({
  id: 'redactEvent',
  method: 'PUT',
  ...clientPaths('oldest', '/rooms/:roomId/redact/:eventId/:txnId'),
  auth: 'user',
  params: Type.Object({ roomId: s.RoomId, eventId: s.EventId, txnId: shared.TransactionId }),
  body: Type.Object({
    reason: Type.Optional(Type.String()),
    /** MSC3912: redact also what relates to the event in these ways. */
    with_rel_types: Type.Optional(Type.Array(Type.String())),
    'org.matrix.msc3912.with_relations': Type.Optional(Type.Array(Type.String())),
  }),
  bodyOptional: true,
  response: Type.Object({ event_id: s.EventId }),
});
