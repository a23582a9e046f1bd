import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/** Most events of a transaction; https://spec.matrix.org/v1.19/server-server-api/#transactions */
const maxTransactionPdus = 50;
/** Most ephemeral messages of a transaction; https://spec.matrix.org/v1.19/server-server-api/#transactions */
const maxTransactionEdus = 100;

/** An ephemeral message between servers; https://spec.matrix.org/v1.19/server-server-api/#edus */
export const Edu = Type.Object({ edu_type: Type.String(), content: s.JsonObject });

/**
 * Brings events and ephemeral messages from another server.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid
 */
export const sendTransaction = endpoint({
  id: 'sendTransaction',
  method: 'PUT',
  path: '/_matrix/federation/v1/send/:txnId',
  auth: 'server',
  params: Type.Object({ txnId: Type.String({ minLength: 1, maxLength: 512 }) }),
  body: Type.Object({
    // Who sent it is known by the signature; servers that leave these out have always been served.
    origin: Type.Optional(Type.String()),
    origin_server_ts: Type.Optional(s.SafeInteger),
    // What is no event is refused by itself, not the whole transaction for its sake.
    pdus: Type.Optional(Type.Array(s.JsonValue, { maxItems: maxTransactionPdus })),
    edus: Type.Optional(Type.Array(s.JsonValue, { maxItems: maxTransactionEdus })),
  }),
  response: Type.Object({ pdus: s.MapOf(Type.Object({ error: Type.Optional(Type.String()) })) }),
});
