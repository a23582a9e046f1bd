import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * A template for a user's leaving, or for turning an invite down.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_leaveroomiduserid
 */
export const makeLeave = endpoint({
  id: 'makeLeave',
  method: 'GET',
  path: '/_matrix/federation/v1/make_leave/:roomId/:userId',
  auth: 'server',
  params: shared.RoomUserParams,
  response: shared.MembershipTemplate,
});

/**
 * Takes a signed leave event into the room.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_leaveroomideventid
 */
export const sendLeaveV2 = endpoint({
  id: 'sendLeaveV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_leave/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  body: shared.Pdu,
  response: s.Empty,
});
