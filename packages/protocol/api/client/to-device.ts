import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Sends a message to each of some devices, or to all devices of a user (`*`).
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid
 */
export const sendToDevice = endpoint({
  id: 'sendToDevice',
  method: 'PUT',
  ...clientPaths('v3', '/sendToDevice/:eventType/:txnId'),
  auth: 'user',
  guests: true,
  params: Type.Object({ eventType: shared.EventType, txnId: shared.TransactionId }),
  // Devices of users, by their ids.
  body: Type.Object({ messages: s.MapOf(s.MapOf(s.JsonObject)) }),
  response: s.Empty,
});
