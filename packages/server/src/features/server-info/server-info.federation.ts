import * as federation from '@myelin/protocol/api/federation';
import { notFound } from '@myelin/protocol/errors';

import { route, type Route } from '../../platform/http/index.ts';
import { programVersion } from '../../platform/program-version.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version; and whatever is asked that no feature answers. */
export function serverInfoFederation(): Route[] {
  const version = programVersion();
  return [
    route(federation.getVersion, () => ({ server: { name: 'Myelin', version } })),
    route(federation.queryInfo, ({ params }) => {
      throw notFound(`This server knows no queries of the type ${JSON.stringify(params.queryType)}`);
    }),
  ];
}
