import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';

/**
 * Lets a user replace their cross-signing keys without proving who they are, for a while.
 * https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html#allow-replacing-master-cross-signing-key-without-user-interactive-auth
 */
export const allowCrossSigningReplacement = endpoint({
  id: 'allowCrossSigningReplacement',
  method: 'POST',
  path: '/_synapse/admin/v1/users/:userId/_allow_cross_signing_replacement_without_uia',
  auth: 'admin',
  params: Type.Object({ userId: s.UserId }),
  response: Type.Object({ updatable_without_uia_before_ms: s.Timestamp }),
});
