import { Type } from 'typebox';

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

/**
 * The same for servers that know the first form only: the answer is `[200, {}]`. The specification had it up to v1.17;
 * https://spec.matrix.org/v1.17/server-server-api/#put_matrixfederationv1send_leaveroomideventid
 */
export const sendLeaveV1 = endpoint({
  ...sendLeaveV2,
  id: 'sendLeaveV1',
  path: '/_matrix/federation/v1/send_leave/:roomId/:eventId',
  response: Type.Tuple([Type.Literal(200), s.Empty]),
});
