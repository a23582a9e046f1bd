import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * A template for a user's knock.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_knockroomiduserid
 */
export const makeKnock = endpoint({
  id: 'makeKnock',
  method: 'GET',
  path: '/_matrix/federation/v1/make_knock/:roomId/:userId',
  auth: 'server',
  params: shared.RoomUserParams,
  query: Type.Object({ ver: shared.SupportedVersions }),
  response: shared.MembershipTemplate,
});

/**
 * Takes a signed knock into the room.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1send_knockroomideventid
 */
export const sendKnock = endpoint({
  id: 'sendKnock',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  body: shared.Pdu,
  response: Type.Object({ knock_room_state: shared.Pdus }),
});
