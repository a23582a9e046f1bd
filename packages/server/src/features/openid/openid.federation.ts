import * as federation from '@myelin/protocol/api/federation';
import { missingToken, unknownToken } from '@myelin/protocol/errors';

import { route, type Route } from '../../platform/http/index.ts';
import type { OpenIdTokens } from './openid-tokens.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1openiduserinfo */
export function openIdFederation(tokens: OpenIdTokens): Route[] {
  return [
    route(federation.exchangeOpenIdToken, async ({ query: { access_token: token } }) => {
      if (token === undefined || token === '') throw missingToken();
      const owner = await tokens.ownerOf(token);
      if (owner === undefined) throw unknownToken({ reason: 'The token was not recognised or has expired' });
      return { sub: owner };
    }),
  ];
}
