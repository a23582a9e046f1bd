import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';

/**
 * Whether a registration token could be used now.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity
 */
export const registrationTokenValidity = endpoint({
  id: 'registrationTokenValidity',
  method: 'GET',
  ...clientPaths('v1', '/register/m.login.registration_token/validity', [
    '/_matrix/client/unstable/org.matrix.msc3231/register/org.matrix.msc3231.login.registration_token/validity',
  ]),
  auth: 'none',
  rateLimit: 'rc_registration_token_validity',
  query: Type.Object({ token: Type.String() }),
  response: Type.Object({ valid: Type.Boolean() }),
});
