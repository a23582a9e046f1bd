import { Type } from 'typebox';

import { PublicRooms, PublicRoomsSearch } from '../client/list-public-rooms.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * The directory of rooms. Whether other servers see it is a setting.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms
 */
export const getPublicRooms = endpoint({
  id: 'getPublicRooms',
  method: 'GET',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'server',
  query: Type.Object({
    /** 0: as many as one answer may have. */
    limit: Type.Optional(s.QueryInteger({ minimum: 0 })),
    since: Type.Optional(Type.String()),
    include_all_networks: Type.Optional(s.QueryBoolean()),
    third_party_instance_id: Type.Optional(Type.String()),
  }),
  response: PublicRooms,
});

/**
 * The directory of rooms, searched.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms
 */
export const queryPublicRooms = endpoint({
  id: 'queryPublicRooms',
  method: 'POST',
  path: '/_matrix/federation/v1/publicRooms',
  auth: 'server',
  body: PublicRoomsSearch,
  response: PublicRooms,
});
