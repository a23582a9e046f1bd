import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

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
  body: Type.Object({ thread_id: Type.Optional(Type.String()) }),
  bodyOptional: true,
  response: s.Empty,
});
