import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import { RoomSummary } from './room-summary.ts';
import * as shared from './shared.ts';

/** A room of a space tree, with the rooms below it; https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy */
export const HierarchyRoom = Type.Intersect([
  RoomSummary,
  Type.Object({
    children_state: Type.Array(Type.Intersect([shared.StrippedState, Type.Object({ origin_server_ts: s.SafeInteger })])),
  }),
]);

/**
 * A space and what is in it, depth first.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export const getSpaceHierarchy = endpoint({
  id: 'getSpaceHierarchy',
  method: 'GET',
  ...clientPaths('v1', '/rooms/:roomId/hierarchy', ['/_matrix/client/unstable/org.matrix.msc2946/rooms/:roomId/hierarchy']),
  auth: 'user',
  guests: true,
  params: shared.RoomParams,
  query: Type.Object({
    suggested_only: Type.Optional(s.QueryBoolean()),
    limit: Type.Optional(s.QueryInteger({ minimum: 1 })),
    max_depth: Type.Optional(s.QueryInteger({ minimum: 0 })),
    from: Type.Optional(Type.String()),
    /** Servers to ask where this one does not know the room; https://github.com/matrix-org/matrix-spec-proposals/pull/4235 */
    via: Type.Optional(s.QueryStringArray(s.ServerName)),
  }),
  response: Type.Object({ rooms: Type.Array(HierarchyRoom), next_batch: Type.Optional(Type.String()) }),
});
