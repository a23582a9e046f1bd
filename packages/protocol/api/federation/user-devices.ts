import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * All devices of one of the receiving server's users that have keys, as of a `stream_id` of `m.device_list_update`.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid
 */
export const getUserDevices = endpoint({
  id: 'getUserDevices',
  method: 'GET',
  path: '/_matrix/federation/v1/user/devices/:userId',
  auth: 'server',
  params: Type.Object({ userId: s.UserId }),
  response: Type.Object({
    user_id: s.UserId,
    stream_id: s.SafeInteger,
    /** `device_id`, `keys`, `device_display_name`. One that is not as it should be must not spoil the others: each is checked apart. */
    devices: Type.Array(s.JsonObject),
    master_key: s.OptionalOrNull(s.JsonObject),
    self_signing_key: s.OptionalOrNull(s.JsonObject),
  }),
});
