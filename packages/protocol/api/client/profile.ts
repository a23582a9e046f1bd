import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** Where clients from before 1.16 look for fields beside name and avatar. */
const msc4133 = '/_matrix/client/unstable/uk.tcpip.msc4133';
/** https://spec.matrix.org/v1.19/client-server-api/#profiles */
const ProfileKey = Type.String({ minLength: 1 });

const Profile = Type.Intersect([
  Type.Object({
    displayname: Type.Optional(Type.String()),
    avatar_url: Type.Optional(Type.String()),
    'm.tz': Type.Optional(Type.String()),
  }),
  s.JsonObject,
]);

/**
 * All fields of a profile. Whether a token is needed is a setting.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid
 */
export const getUserProfile = endpoint({
  id: 'getUserProfile',
  method: 'GET',
  ...clientPaths('oldest', '/profile/:userId'),
  auth: 'optional',
  params: shared.UserParams,
  response: Profile,
});

/**
 * One field of a profile.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname
 */
export const getProfileField = endpoint({
  id: 'getProfileField',
  method: 'GET',
  ...clientPaths('oldest', '/profile/:userId/:keyName', [`${msc4133}/profile/:userId/:keyName`]),
  auth: 'optional',
  params: Type.Object({ userId: s.UserId, keyName: ProfileKey }),
  response: s.JsonObject,
});

/**
 * Sets a field; guests only `displayname`, which the handler sees to. The body has the field under its own name.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname
 */
export const setProfileField = endpoint({
  id: 'setProfileField',
  method: 'PUT',
  ...clientPaths('oldest', '/profile/:userId/:keyName', [`${msc4133}/profile/:userId/:keyName`]),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  params: Type.Object({ userId: s.UserId, keyName: ProfileKey }),
  body: s.JsonObject,
  response: s.Empty,
});

/**
 * Removes a field; guests only `displayname`, which the handler sees to.
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname
 */
export const deleteProfileField = endpoint({
  id: 'deleteProfileField',
  method: 'DELETE',
  ...clientPaths('oldest', '/profile/:userId/:keyName', [`${msc4133}/profile/:userId/:keyName`]),
  auth: 'user',
  guests: true,
  refusedWhenSuspended: true,
  params: Type.Object({ userId: s.UserId, keyName: ProfileKey }),
  response: s.Empty,
});
