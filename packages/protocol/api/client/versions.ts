import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * The versions of the specification that the server speaks.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
 */
export const getVersions = endpoint({
  id: 'getVersions',
  method: 'GET',
  path: '/_matrix/client/versions',
  auth: 'optional',
  response: Type.Object({ versions: Type.Array(Type.String()), unstable_features: Type.Optional(s.MapOf(Type.Boolean())) }),
});
