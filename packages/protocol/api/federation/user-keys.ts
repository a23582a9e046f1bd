import { Type } from 'typebox';

import type { UserId } from '../../identifiers/types.ts';
import { ClaimedKeys, WantedDevices, WantedKeys } from '../client/keys.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

const KeysByUser = s.MapBy<UserId, typeof s.JsonObject>(s.JsonObject);

/**
 * Takes a one-time key of each of these devices of the receiving server's users.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim
 */
export const claimUserEncryptionKeys = endpoint({
  id: 'claimUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/claim',
  auth: 'server',
  body: Type.Object({ one_time_keys: WantedKeys }),
  response: Type.Object({ one_time_keys: ClaimedKeys }),
});

/**
 * The devices of the receiving server's users, and their cross-signing keys.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
 */
export const queryUserEncryptionKeys = endpoint({
  id: 'queryUserEncryptionKeys',
  method: 'POST',
  path: '/_matrix/federation/v1/user/keys/query',
  auth: 'server',
  body: Type.Object({ device_keys: WantedDevices }),
  response: Type.Object({
    device_keys: KeysByUser,
    master_keys: Type.Optional(KeysByUser),
    self_signing_keys: Type.Optional(KeysByUser),
  }),
});
