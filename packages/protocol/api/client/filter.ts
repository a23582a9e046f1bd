import { Type } from 'typebox';

import { clientPaths } from '../client-paths.ts';
import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/**
 * Stores a filter. `filters.parseFilter` checks it.
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export const defineFilter = endpoint({
  id: 'defineFilter',
  method: 'POST',
  ...clientPaths('v3', '/user/:userId/filter'),
  auth: 'user',
  params: shared.UserParams,
  body: s.JsonObject,
  response: Type.Object({ filter_id: Type.String() }),
});

/**
 * A filter as it was stored.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3useruseridfilterfilterid
 */
export const getFilter = endpoint({
  id: 'getFilter',
  method: 'GET',
  ...clientPaths('v3', '/user/:userId/filter/:filterId'),
  auth: 'user',
  params: Type.Object({ userId: s.UserId, filterId: Type.String() }),
  response: s.JsonObject,
});
