import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Whose devices have changed between two tokens of `/sync`, and with whom no room is shared any more.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
 */
export const getKeysChanges = endpoint({
  id: 'getKeysChanges',
  method: 'GET',
  ...clientPaths('v3', '/keys/changes'),
  auth: 'user',
  guests: true,
  query: Type.Object({ from: Type.String(), to: Type.String() }),
  response: Type.Object({ changed: Type.Array(s.UserId), left: Type.Array(s.UserId) }),
});
