import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * A token by which others learn who somebody is, and nothing more.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridopenidrequest_token
 */
export const requestOpenIdToken = endpoint({
  id: 'requestOpenIdToken',
  method: 'POST',
  ...clientPaths('v3', '/user/:userId/openid/request_token'),
  auth: 'user',
  params: shared.UserParams,
  body: s.JsonObject,
  bodyOptional: true,
  response: Type.Object({
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    matrix_server_name: s.ServerName,
    expires_in: s.Count,
  }),
});
