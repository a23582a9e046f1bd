import * as federation from '@myelin/protocol/api/federation';

import { route, type Route } from '../../platform/http/index.ts';
import { programVersion } from '../../platform/program-version.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version */
export function serverInfoFederation(): Route[] {
  const version = programVersion();
  return [route(federation.getVersion, () => ({ server: { name: 'Myelin', version } }))];
}
