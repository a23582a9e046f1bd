import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

const VerifyKey = Type.Object({ key: Type.String() });

/**
 * A server's keys as it publishes and signs them, and as a notary passes them on.
 * https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
 */
export const ServerKeys = Type.Object({
  server_name: s.ServerName,
  verify_keys: s.MapOf(VerifyKey),
  old_verify_keys: Type.Optional(s.MapOf(Type.Object({ key: Type.String(), expired_ts: s.Timestamp }))),
  signatures: s.MapOf(s.MapOf(Type.String())),
  valid_until_ts: s.Timestamp,
});

/** Keys of several servers, signed by the notary. */
export const ServerKeysAnswer = Type.Object({ server_keys: Type.Array(ServerKeys) });

/**
 * The keys of the server that is asked.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2server
 */
export const getServerKey = endpoint({
  id: 'getServerKey',
  method: 'GET',
  path: '/_matrix/key/v2/server',
  auth: 'none',
  response: ServerKeys,
});

/**
 * The same by the path of old servers, which named a key at the end; it never made a difference.
 * https://spec.matrix.org/v1.5/server-server-api/#get_matrixkeyv2serverkeyid
 */
export const getServerKeyByKeyId = endpoint({
  id: 'getServerKeyByKeyId',
  method: 'GET',
  path: '/_matrix/key/v2/server/:keyId',
  auth: 'none',
  params: Type.Object({ keyId: Type.String() }),
  response: ServerKeys,
});

/**
 * Asks a notary for another server's keys.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixkeyv2queryservername
 */
export const perspectivesKeyQuery = endpoint({
  id: 'perspectivesKeyQuery',
  method: 'GET',
  path: '/_matrix/key/v2/query/:serverName',
  auth: 'none',
  params: Type.Object({ serverName: s.ServerName }),
  query: Type.Object({ minimum_valid_until_ts: Type.Optional(s.QueryInteger({ minimum: 0 })) }),
  response: ServerKeysAnswer,
});

/**
 * Asks a notary for the keys of several servers.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query
 */
export const bulkPerspectivesKeyQuery = endpoint({
  id: 'bulkPerspectivesKeyQuery',
  method: 'POST',
  path: '/_matrix/key/v2/query',
  auth: 'none',
  body: Type.Object({
    server_keys: s.MapOf(s.MapOf(Type.Object({ minimum_valid_until_ts: Type.Optional(s.Timestamp) }))),
  }),
  response: ServerKeysAnswer,
});
