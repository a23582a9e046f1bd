import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * The auth chain of an event, whole.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid
 */
export const getEventAuth = endpoint({
  id: 'getEventAuth',
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  response: Type.Object({ auth_chain: shared.Pdus }),
});
