import { endpoint } from '@myelin/protocol/api';
import * as client from '@myelin/protocol/api/client';
import { notFound } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';
import { Type } from 'typebox';

import { answer, route, type Route } from '../../platform/http/index.ts';
import type { ServerInfoNeeds } from './index.ts';
import { capabilitiesOf, clientWellKnown, specVersions, unstableFeaturesOf } from './server-info.ts';
import { welcomePage } from './welcome-page.ts';

const getWelcomePage = endpoint({ id: 'getWelcomePage', method: 'GET', path: '/', auth: 'none' });
/** https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver */
const getServerWellKnown = endpoint({
  id: 'getServerWellKnown',
  method: 'GET',
  path: '/.well-known/matrix/server',
  auth: 'none',
});

/** Synapse's, for clients that warn of rooms and users whom this server cannot reach. */
const getFederationWhitelist = endpoint({
  id: 'getFederationWhitelist',
  method: 'GET',
  path: '/_synapse/client/v1/config/federation_whitelist',
  auth: 'user',
  response: Type.Object({
    /** False: this server federates with everybody, and the list says nothing. */
    whitelist_enabled: Type.Boolean(),
    whitelist: Type.Array(Type.String()),
  }),
});

/** What a client or a person learns of the server before anything else. */
export function serverInfoRoutes({ config, serverName }: ServerInfoNeeds): Route[] {
  const capabilities = capabilitiesOf(config);
  const unstableFeatures = unstableFeaturesOf(config);
  const wellKnown = clientWellKnown(config);
  const page = welcomePage(serverName, config.public_baseurl);
  return [
    route(client.getVersions, () => ({ versions: [...specVersions], unstable_features: unstableFeatures })),
    route(client.getCapabilities, () => ({ capabilities })),
    route(client.getWellknown, () => {
      if (!wellKnown) throw notFound('This server does not say at which address clients reach it (public_baseurl)');
      return wellKnown;
    }),
    route(client.getWellknownSupport, () => {
      const { contacts, support_page } = config.well_known_support;
      if (contacts.length === 0 && support_page === null) throw notFound('This server names nobody to ask');
      const shown = contacts.map(({ role, matrix_id, email_address }) => ({
        role,
        ...(matrix_id !== null && { matrix_id: matrix_id as UserId }),
        ...(email_address !== null && { email_address }),
      }));
      return { ...(shown.length > 0 && { contacts: shown }), ...(support_page !== null && { support_page }) };
    }),
    route(getServerWellKnown, () => {
      if (!config.serve_server_wellknown) throw notFound('This server does not answer for its name (serve_server_wellknown)');
      return answer({ body: { 'm.server': `${serverName.replace(/:\d+$/, '')}:443` } });
    }),
    ...(config.federation_whitelist_endpoint_enabled ? [whitelistRoute(config)] : []),
    route(
      getWelcomePage,
      () => {
        if (config.web_client_location !== null)
          return answer({ status: 302, headers: { location: config.web_client_location } });
        return answer({ headers: page.headers, body: page.html });
      },
      { resource: 'static' },
    ),
  ];
}

function whitelistRoute({ federation_domain_whitelist: whitelist }: ServerInfoNeeds['config']): Route {
  const body = { whitelist_enabled: whitelist !== null, whitelist: [...(whitelist ?? [])] };
  return route(getFederationWhitelist, () => body);
}
