import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Changes the password. Asks for user-interactive authentication, which stands in for a token where the password was lost.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3accountpassword
 */
export const changePassword = endpoint({
  id: 'changePassword',
  method: 'POST',
  ...clientPaths('v3', '/account/password'),
  auth: 'optional',
  body: Type.Object({
    /** Optional on the wire: the first request of a user-interactive session may leave it out. */
    new_password: Type.Optional(Type.String()),
    logout_devices: Type.Optional(Type.Boolean()),
    auth: Type.Optional(shared.AuthData),
  }),
  bodyOptional: true,
  response: s.Empty,
});

/**
 * What a new password must have.
 * https://github.com/matrix-org/matrix-spec-proposals/pull/2000
 */
export const getPasswordPolicy = endpoint({
  id: 'getPasswordPolicy',
  method: 'GET',
  ...clientPaths('v3', '/password_policy'),
  auth: 'none',
  response: Type.Object({
    'm.minimum_length': Type.Optional(s.Count),
    'm.require_digit': Type.Optional(Type.Boolean()),
    'm.require_symbol': Type.Optional(Type.Boolean()),
    'm.require_lowercase': Type.Optional(Type.Boolean()),
    'm.require_uppercase': Type.Optional(Type.Boolean()),
  }),
});
