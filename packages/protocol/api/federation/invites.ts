import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * Invites one of the receiving server's users, the old way: the body is the event, the answer `[200, { event }]`.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1inviteroomideventid
 */
export const sendInviteV1 = endpoint({
  id: 'sendInviteV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/invite/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  body: shared.Pdu,
  response: Type.Tuple([Type.Literal(200), Type.Object({ event: shared.Pdu })]),
});

/**
 * Invites one of the receiving server's users; the answer is the event with that server's signature.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export const sendInviteV2 = endpoint({
  id: 'sendInviteV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/invite/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  body: Type.Object({
    room_version: Type.String(),
    event: shared.Pdu,
    /** Events in their signed form; older servers send stripped ones. */
    invite_room_state: Type.Optional(Type.Array(shared.Pdu)),
  }),
  response: Type.Object({ event: shared.Pdu }),
});
