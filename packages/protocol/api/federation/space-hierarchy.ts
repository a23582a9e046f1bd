import { Type } from 'typebox';

import { RoomSummary } from '../client/room-summary.ts';
import { HierarchyRoom } from '../client/space-hierarchy.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * A space and its children.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid
 */
export const getSpaceHierarchy = endpoint({
  id: 'getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/federation/v1/hierarchy/:roomId',
  aliases: ['/_matrix/federation/unstable/org.matrix.msc2946/hierarchy/:roomId'],
  auth: 'server',
  params: Type.Object({ roomId: s.RoomId }),
  query: Type.Object({ suggested_only: Type.Optional(s.QueryBoolean()) }),
  response: Type.Object({
    room: HierarchyRoom,
    children: Type.Array(RoomSummary),
    inaccessible_children: Type.Array(s.RoomId),
  }),
});
