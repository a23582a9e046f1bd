import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Trades a refresh token for a new access token.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3refresh
 */
export const refresh = endpoint({
  id: 'refresh',
  method: 'POST',
  ...clientPaths('v3', '/refresh', ['/_matrix/client/v1/refresh']),
  auth: 'none',
  body: Type.Object({ refresh_token: Type.String() }),
  response: Type.Object({
    access_token: Type.String(),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(s.Milliseconds),
  }),
});
