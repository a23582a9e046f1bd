import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Ends the session and its device.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logout
 */
export const logout = endpoint({
  id: 'logout',
  method: 'POST',
  ...clientPaths('oldest', '/logout'),
  auth: 'user',
  guests: true,
  lockedUsers: true,
  response: s.Empty,
});

/**
 * Ends all sessions of the user.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3logoutall
 */
export const logout_all = endpoint({
  id: 'logout_all',
  method: 'POST',
  ...clientPaths('oldest', '/logout/all'),
  auth: 'user',
  guests: true,
  lockedUsers: true,
  response: s.Empty,
});
