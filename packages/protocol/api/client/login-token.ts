import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * A short-lived token with which another device of the user logs in. Asks for user-interactive authentication.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token
 */
export const generateLoginToken = endpoint({
  id: 'generateLoginToken',
  method: 'POST',
  ...clientPaths('v1', '/login/get_token'),
  auth: 'user',
  body: Type.Object({ auth: Type.Optional(shared.AuthData) }),
  bodyOptional: true,
  response: Type.Object({ login_token: Type.String(), expires_in_ms: s.Milliseconds }),
});
