import * as client from '@myelin/protocol/api/client';
import { forbidden } from '@myelin/protocol/errors';
import type { ServerName } from '@myelin/protocol/identifiers';

import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { openIdLifetimeMs, type OpenIdTokens } from './openid-tokens.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#openid */
export function openIdRoutes(tokens: OpenIdTokens, serverName: ServerName): Route[] {
  return [
    route(client.requestOpenIdToken, async ({ params, requester }) => {
      if (params.userId !== requester.userId) throw forbidden('You may ask for tokens of your own only');
      return {
        access_token: await tokens.make(viewerOf(requester).userNid),
        token_type: 'Bearer' as const,
        matrix_server_name: serverName,
        expires_in: openIdLifetimeMs / 1000,
      };
    }),
  ];
}
