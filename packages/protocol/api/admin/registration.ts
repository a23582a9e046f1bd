import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * A nonce that the next `registerBySharedSecret` must carry.
 * https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
export const getRegistrationNonce = endpoint({
  id: 'getRegistrationNonce',
  method: 'GET',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  response: Type.Object({ nonce: Type.String() }),
});

/**
 * Makes an account for whoever knows the shared secret, with which `mac` is made.
 * https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
export const registerBySharedSecret = endpoint({
  id: 'registerBySharedSecret',
  method: 'POST',
  path: '/_synapse/admin/v1/register',
  auth: 'none',
  body: Type.Object({
    nonce: Type.String(),
    username: Type.String(),
    password: Type.String(),
    displayname: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    admin: Type.Optional(Type.Boolean()),
    user_type: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    mac: Type.String(),
    inhibit_login: Type.Optional(Type.Boolean()),
  }),
  response: Type.Object({
    user_id: s.UserId,
    home_server: s.ServerName,
    access_token: Type.Optional(Type.String()),
    device_id: Type.Optional(s.DeviceId),
  }),
});
