import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import { keylessStatePaths, StateParams } from './state-paths.ts';

/**
 * Sets a piece of state. `ts` is for application services.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
 */
export const setRoomStateWithKey = endpoint({
  id: 'setRoomStateWithKey',
  method: 'PUT',
  ...clientPaths('oldest', '/rooms/:roomId/state/:eventType/:stateKey', keylessStatePaths),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  rateLimit: 'rc_message',
  params: StateParams,
  query: Type.Object({ ts: Type.Optional(s.QueryInteger({ minimum: 0 })) }),
  body: s.JsonObject,
  response: Type.Object({ event_id: s.EventId }),
});
