import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Who made an OpenID token. Asked by widgets and identity servers, which sign nothing.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo
 */
export const exchangeOpenIdToken = endpoint({
  id: 'exchangeOpenIdToken',
  method: 'GET',
  path: '/_matrix/federation/v1/openid/userinfo',
  auth: 'none',
  query: Type.Object({ access_token: Type.Optional(Type.String()) }),
  response: Type.Object({ sub: s.UserId }),
});
