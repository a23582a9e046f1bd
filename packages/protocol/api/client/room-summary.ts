import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import { PublicRoom } from './list-public-rooms.ts';
import * as shared from './shared.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias_response-200_roomsummary */
export const RoomSummary = Type.Intersect([
  PublicRoom,
  Type.Object({
    allowed_room_ids: Type.Optional(Type.Array(s.RoomId)),
    encryption: Type.Optional(Type.String()),
    room_version: Type.Optional(Type.String()),
  }),
]);

/**
 * A room as seen from outside, for previews.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
 */
export const getRoomSummary = endpoint({
  id: 'getRoomSummary',
  method: 'GET',
  ...clientPaths('v1', '/room_summary/:roomIdOrAlias', [
    '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias',
    '/_matrix/client/unstable/im.nheko.summary/rooms/:roomIdOrAlias/summary',
  ]),
  auth: 'optional',
  guests: true,
  params: shared.RoomIdOrAliasParams,
  query: Type.Object({ via: Type.Optional(s.QueryStringArray(s.ServerName)) }),
  response: Type.Intersect([RoomSummary, Type.Object({ membership: Type.Optional(shared.Membership) })]),
});
