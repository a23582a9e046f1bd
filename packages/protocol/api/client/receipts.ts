import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/** MSC4446: the fully-read marker may go back too. */
const backward = {
  allow_backward: Type.Optional(Type.Boolean()),
  'com.beeper.allow_backward': Type.Optional(Type.Boolean()),
};

/**
 * Says up to where the user has read.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
 */
export const postReceipt = endpoint({
  id: 'postReceipt',
  method: 'POST',
  ...clientPaths('v3', '/rooms/:roomId/receipt/:receiptType/:eventId'),
  auth: 'user',
  params: Type.Object({
    roomId: s.RoomId,
    receiptType: s.OneOf('m.read', 'm.read.private', 'm.fully_read'),
    eventId: s.EventId,
  }),
  // What is wrong with `thread_id` is for the handler to tell: the spec wants M_INVALID_PARAM.
  body: Type.Object({ thread_id: Type.Optional(s.JsonValue), ...backward }),
  bodyOptional: true,
  response: s.Empty,
});
