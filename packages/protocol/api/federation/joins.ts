import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * A template for a user's join.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid
 */
export const makeJoin = endpoint({
  id: 'makeJoin',
  method: 'GET',
  path: '/_matrix/federation/v1/make_join/:roomId/:userId',
  auth: 'server',
  params: shared.RoomUserParams,
  /** Without `ver`, the asking server knows version 1 only. */
  query: Type.Object({ ver: Type.Optional(shared.SupportedVersions) }),
  response: shared.MembershipTemplate,
});

/** What a joining server gets of the room. */
const RoomForJoin = Type.Object({
  state: shared.Pdus,
  auth_chain: shared.Pdus,
  event: Type.Optional(shared.Pdu),
  members_omitted: Type.Optional(Type.Boolean()),
  servers_in_room: Type.Optional(Type.Array(s.ServerName)),
});

/**
 * Takes a signed join into the room; the answer is what the joining server needs to take part.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
export const sendJoinV2 = endpoint({
  id: 'sendJoinV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_join/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  query: Type.Object({ omit_members: Type.Optional(s.QueryBoolean()) }),
  body: shared.Pdu,
  response: RoomForJoin,
});

/**
 * The same for servers that know the first form only, where the status stands in the answer as well: `[200, { … }]`. The specification
 * had it up to v1.17; https://spec.matrix.org/v1.17/server-server-api/#put_matrixfederationv1send_joinroomideventid
 */
export const sendJoinV1 = endpoint({
  id: 'sendJoinV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_join/:roomId/:eventId',
  auth: 'server',
  params: shared.RoomEventParams,
  body: shared.Pdu,
  response: Type.Tuple([Type.Literal(200), RoomForJoin]),
});
