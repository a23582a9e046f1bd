import { Type } from 'typebox';

import type { JsonObject } from '../../events/pdu.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

const LoginFlow = Type.Unsafe<JsonObject & { type: string }>(Type.Object({ type: Type.String() }));

/** https://spec.matrix.org/v1.19/client-server-api/#identifier-types */
const UserIdentifier = Type.Unsafe<JsonObject & { type: string }>(Type.Object({ type: Type.String() }));

const Login = Type.Object({
  type: Type.String(),
  identifier: Type.Optional(UserIdentifier),
  /** Old bots name themselves here. */
  user: Type.Optional(Type.String()),
  medium: Type.Optional(Type.String()),
  address: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  token: Type.Optional(Type.String()),
  device_id: s.OptionalOrNull(s.DeviceId),
  initial_device_display_name: s.OptionalOrNull(Type.String()),
  refresh_token: Type.Optional(Type.Boolean()),
});

const LoggedIn = Type.Object({
  user_id: s.UserId,
  access_token: Type.String(),
  device_id: s.DeviceId,
  /** Deprecated, but bots read it. */
  home_server: Type.Optional(s.ServerName),
  refresh_token: Type.Optional(Type.String()),
  expires_in_ms: Type.Optional(s.Milliseconds),
  well_known: Type.Optional(shared.ClientWellKnown),
});

/**
 * The ways to log in.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login
 */
export const getLoginFlows = endpoint({
  id: 'getLoginFlows',
  method: 'GET',
  ...clientPaths('oldest', '/login'),
  auth: 'none',
  response: Type.Object({ flows: Type.Array(LoginFlow) }),
});

/**
 * Logs in and makes a session.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
 */
export const login = endpoint({
  id: 'login',
  method: 'POST',
  ...clientPaths('oldest', '/login'),
  auth: 'none',
  body: Login,
  response: LoggedIn,
});
