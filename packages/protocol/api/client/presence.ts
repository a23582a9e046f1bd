import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Says whether the user is there.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus
 */
export const setPresence = endpoint({
  id: 'setPresence',
  method: 'PUT',
  ...clientPaths('oldest', '/presence/:userId/status'),
  auth: 'user',
  rateLimit: 'rc_presence.per_user',
  params: shared.UserParams,
  body: Type.Object({ presence: shared.PresenceState, status_msg: Type.Optional(Type.Union([Type.String(), Type.Null()])) }),
  response: s.Empty,
});

/**
 * Whether a user is there.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus
 */
export const getPresence = endpoint({
  id: 'getPresence',
  method: 'GET',
  ...clientPaths('oldest', '/presence/:userId/status'),
  auth: 'user',
  params: shared.UserParams,
  response: Type.Object({
    presence: shared.PresenceState,
    last_active_ago: Type.Optional(s.Milliseconds),
    status_msg: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    currently_active: Type.Optional(Type.Boolean()),
  }),
});
