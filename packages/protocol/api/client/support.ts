import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Whom to ask about this server.
 * https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport
 */
export const getWellknownSupport = endpoint({
  id: 'getWellknownSupport',
  method: 'GET',
  path: '/.well-known/matrix/support',
  auth: 'none',
  response: Type.Object({
    contacts: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.String(),
          matrix_id: Type.Optional(s.UserId),
          email_address: Type.Optional(Type.String()),
        }),
      ),
    ),
    support_page: Type.Optional(Type.String()),
  }),
});
