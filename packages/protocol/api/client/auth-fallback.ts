import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';

const paths = clientPaths('v3', '/auth/:authType/fallback/web');
const Params = Type.Object({ authType: Type.String() });
const Query = Type.Object({ session: Type.String() });

/**
 * A page for a stage of user-interactive authentication that the client does not know.
 * https://spec.matrix.org/v1.19/client-server-api/#fallback
 */
export const getAuthFallback = endpoint({
  id: 'getAuthFallback',
  method: 'GET',
  ...paths,
  auth: 'none',
  params: Params,
  query: Query,
});

/** The form of that page, as browsers send it. */
export const postAuthFallback = endpoint({
  id: 'postAuthFallback',
  method: 'POST',
  ...paths,
  auth: 'none',
  params: Params,
  query: Query,
  body: 'raw',
});
