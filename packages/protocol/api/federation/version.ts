import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version */
export const getVersion = endpoint({
  id: 'getVersion',
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  auth: 'none',
  response: Type.Object({ server: Type.Object({ name: Type.String(), version: Type.String() }) }),
});
