import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

const Switch = Type.Object({ enabled: Type.Boolean() });

/** https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation */
const Capabilities = Type.Intersect([
  Type.Object({
    'm.change_password': Type.Optional(Switch),
    'm.room_versions': Type.Optional(Type.Object({ default: Type.String(), available: s.MapOf(s.OneOf('stable', 'unstable')) })),
    'm.set_displayname': Type.Optional(Switch),
    'm.set_avatar_url': Type.Optional(Switch),
    'm.3pid_changes': Type.Optional(Switch),
    'm.get_login_token': Type.Optional(Switch),
    'm.forget_forced_upon_leave': Type.Optional(Switch),
    'm.profile_fields': Type.Optional(
      Type.Object({
        enabled: Type.Boolean(),
        allowed: Type.Optional(Type.Array(Type.String())),
        disallowed: Type.Optional(Type.Array(Type.String())),
      }),
    ),
    'm.account_moderation': Type.Optional(
      Type.Object({ suspend: Type.Optional(Type.Boolean()), lock: Type.Optional(Type.Boolean()) }),
    ),
  }),
  s.JsonObject,
]);

/**
 * What this server and this account can do.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities
 */
export const getCapabilities = endpoint({
  id: 'getCapabilities',
  method: 'GET',
  ...clientPaths('v3', '/capabilities'),
  auth: 'user',
  response: Type.Object({ capabilities: Capabilities }),
});
