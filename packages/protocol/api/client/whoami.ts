import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Whose the token is.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3accountwhoami
 */
export const getTokenOwner = endpoint({
  id: 'getTokenOwner',
  method: 'GET',
  ...clientPaths('v3', '/account/whoami'),
  auth: 'user',
  guests: true,
  response: Type.Object({ user_id: s.UserId, device_id: Type.Optional(s.DeviceId), is_guest: Type.Optional(Type.Boolean()) }),
});
