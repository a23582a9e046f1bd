import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Makes an account. Asks for user-interactive authentication; application services bring their token.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register
 */
export const register = endpoint({
  id: 'register',
  method: 'POST',
  ...clientPaths('v3', '/register'),
  auth: 'none',
  query: Type.Object({ kind: Type.Optional(s.OneOf('user', 'guest')) }),
  body: Type.Object({
    auth: Type.Optional(shared.AuthData),
    /** `m.login.application_service` where one registers a user of its own. */
    type: Type.Optional(Type.String()),
    username: Type.Optional(Type.String()),
    password: Type.Optional(Type.String()),
    device_id: s.OptionalOrNull(s.DeviceId),
    initial_device_display_name: s.OptionalOrNull(Type.String()),
    inhibit_login: Type.Optional(Type.Boolean()),
    refresh_token: Type.Optional(Type.Boolean()),
    /** The token of a guest who becomes a user. */
    guest_access_token: Type.Optional(Type.String()),
  }),
  bodyOptional: true,
  response: Type.Object({
    user_id: s.UserId,
    /** Deprecated, but bots read it. */
    home_server: Type.Optional(s.ServerName),
    access_token: Type.Optional(Type.String()),
    device_id: Type.Optional(s.DeviceId),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(s.Milliseconds),
  }),
});

/**
 * Whether a name is free.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3registeravailable
 */
export const checkUsernameAvailability = endpoint({
  id: 'checkUsernameAvailability',
  method: 'GET',
  ...clientPaths('v3', '/register/available'),
  auth: 'none',
  query: Type.Object({ username: Type.String() }),
  response: Type.Object({ available: Type.Boolean() }),
});
