import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Ends the account for good. The session stands in for the token where user-interactive authentication proves the user.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountdeactivate
 */
export const deactivateAccount = endpoint({
  id: 'deactivateAccount',
  method: 'POST',
  ...clientPaths('v3', '/account/deactivate'),
  auth: 'optional',
  body: Type.Object({
    auth: Type.Optional(shared.AuthData),
    id_server: Type.Optional(Type.String()),
    erase: Type.Optional(Type.Boolean()),
  }),
  bodyOptional: true,
  response: Type.Object({ id_server_unbind_result: s.OneOf('success', 'no-support') }),
});
