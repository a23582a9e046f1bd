import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

const RegistrationToken = Type.Object({
  token: Type.String(),
  /** Null: as often as anybody likes. */
  uses_allowed: Type.Union([s.Count, Type.Null()]),
  /** Registrations that have shown the token and are not complete. */
  pending: s.Count,
  completed: s.Count,
  /** Null: it does not expire. */
  expiry_time: Type.Union([s.Timestamp, Type.Null()]),
});
const Params = Type.Object({ token: Type.String() });
const Settings = {
  uses_allowed: Type.Optional(Type.Union([s.Count, Type.Null()])),
  expiry_time: Type.Optional(Type.Union([s.Timestamp, Type.Null()])),
};

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html#list-all-tokens */
export const listRegistrationTokens = endpoint({
  id: 'listRegistrationTokens',
  method: 'GET',
  path: '/_synapse/admin/v1/registration_tokens',
  auth: 'admin',
  query: Type.Object({ valid: Type.Optional(s.QueryBoolean()) }),
  response: Type.Object({ registration_tokens: Type.Array(RegistrationToken) }),
});

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html#create-token */
export const createRegistrationToken = endpoint({
  id: 'createRegistrationToken',
  method: 'POST',
  path: '/_synapse/admin/v1/registration_tokens/new',
  auth: 'admin',
  body: Type.Object({
    token: Type.Optional(Type.String()),
    length: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    ...Settings,
  }),
  bodyOptional: true,
  response: RegistrationToken,
});

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html#get-one-token */
export const getRegistrationToken = endpoint({
  id: 'getRegistrationToken',
  method: 'GET',
  path: '/_synapse/admin/v1/registration_tokens/:token',
  auth: 'admin',
  params: Params,
  response: RegistrationToken,
});

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html#update-token */
export const updateRegistrationToken = endpoint({
  id: 'updateRegistrationToken',
  method: 'PUT',
  path: '/_synapse/admin/v1/registration_tokens/:token',
  auth: 'admin',
  params: Params,
  body: Type.Object(Settings),
  response: RegistrationToken,
});

/** https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html#delete-token */
export const deleteRegistrationToken = endpoint({
  id: 'deleteRegistrationToken',
  method: 'DELETE',
  path: '/_synapse/admin/v1/registration_tokens/:token',
  auth: 'admin',
  params: Params,
  response: s.Empty,
});
