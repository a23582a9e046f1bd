import type { ServerName } from '@myelin/protocol/identifiers';

import type { Feature } from '../feature.ts';
import { OpenIdTokens, type OpenIdNeeds } from './openid-tokens.ts';
import { openIdFederation } from './openid.federation.ts';
import { openIdRoutes } from './openid.routes.ts';

/** Widgets and identity servers learn who somebody is. */
export function openIdFeature(needs: OpenIdNeeds & { readonly serverName: ServerName }): Feature {
  const tokens = new OpenIdTokens(needs);
  return {
    name: 'openid',
    routes: [...openIdRoutes(tokens, needs.serverName), ...openIdFederation(tokens)],
    jobs: [{ name: 'remove OpenID tokens that have expired', everyMs: 3_600_000, run: () => tokens.removeExpired() }],
  };
}
