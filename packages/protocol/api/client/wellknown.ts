import { endpoint } from '../endpoint.ts';
import * as shared from './shared.ts';

/**
 * Where the server of this name is found by clients.
 * https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixclient
 */
export const getWellknown = endpoint({
  id: 'getWellknown',
  method: 'GET',
  path: '/.well-known/matrix/client',
  auth: 'none',
  response: shared.ClientWellKnown,
});
