import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Asks a room's policy server to sign an event, which it answers with its signature alone. Asked by this server, not served: a homeserver
 * need not be a policy server.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixpolicyv1sign
 */
export const askPolicyServerToSign = endpoint({
  id: 'askPolicyServerToSign',
  method: 'POST',
  path: '/_matrix/policy/v1/sign',
  auth: 'server',
  body: s.JsonObject,
  response: s.MapOf(s.MapOf(Type.String())),
});
