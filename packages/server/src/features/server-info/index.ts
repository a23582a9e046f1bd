import type { ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import type { Feature } from '../feature.ts';
import { serverInfoFederation } from './server-info.federation.ts';
import { serverInfoRoutes } from './server-info.routes.ts';

export { clientWellKnown } from './server-info.ts';

export interface ServerInfoNeeds {
  readonly config: Config;
  readonly serverName: ServerName;
}

/** Versions, capabilities, well-known files, and the page at `/`. */
export function serverInfoFeature(needs: ServerInfoNeeds): Feature {
  return { name: 'server-info', routes: [...serverInfoRoutes(needs), ...serverInfoFederation()] };
}
