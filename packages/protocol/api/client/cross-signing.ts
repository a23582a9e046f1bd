import { Type } from 'typebox';

import type { JsonObject as JsonObjectValue } from '../../events/pdu.ts';
import type { UserId } from '../../identifiers/types.ts';
import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** A key used for cross-signing; https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export type CrossSigningKeyValue = JsonObjectValue & {
  user_id: UserId;
  usage: string[];
  keys: Record<string, string>;
  signatures?: Record<string, Record<string, string>>;
};
const CrossSigningKey = Type.Unsafe<CrossSigningKeyValue>(
  Type.Object({
    user_id: s.UserId,
    usage: Type.Array(Type.String()),
    keys: s.MapOf(Type.String()),
    signatures: Type.Optional(s.MapOf(s.MapOf(Type.String()))),
  }),
);

/**
 * Publishes the user's cross-signing keys. Asks for user-interactive authentication where that changes keys that were there.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
 */
export const uploadCrossSigningKeys = endpoint({
  id: 'uploadCrossSigningKeys',
  method: 'POST',
  ...clientPaths('v3', '/keys/device_signing/upload'),
  auth: 'user',
  body: Type.Object({
    master_key: s.OptionalOrNull(CrossSigningKey),
    self_signing_key: s.OptionalOrNull(CrossSigningKey),
    user_signing_key: s.OptionalOrNull(CrossSigningKey),
    auth: Type.Optional(shared.AuthData),
  }),
  response: s.Empty,
});

const SignedKeys = s.MapOf(s.JsonObject);
const Failures = s.MapOf(s.MapOf(s.JsonObject));

/**
 * Publishes signatures of the user's keys about devices and about other users.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
export const uploadCrossSigningSignatures = endpoint({
  id: 'uploadCrossSigningSignatures',
  method: 'POST',
  ...clientPaths('v3', '/keys/signatures/upload'),
  auth: 'user',
  body: s.MapBy<UserId, typeof SignedKeys>(SignedKeys),
  response: Type.Object({ failures: Type.Optional(Failures) }),
});
