import * as federation from '@myelin/protocol/api/federation';
import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { domainOf, type ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../../config/index.ts';
import { rawJson, route, type Route } from '../../platform/http/index.ts';
import { fieldOf, profileJson } from './profile.ts';
import type { Profiles } from './profiles.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile */
export function profilesFederation(needs: {
  readonly config: Pick<Config, 'allow_profile_lookup_over_federation'>;
  readonly serverName: ServerName;
  readonly profiles: Profiles;
}): Route[] {
  const { config, profiles, serverName } = needs;
  return [
    route(federation.queryProfile, async ({ query: { user_id: userId, field } }) => {
      if (!config.allow_profile_lookup_over_federation) throw forbidden('This server shows no profiles to other servers');
      if (domainOf(userId) !== serverName) throw invalidParam(`${userId} is not a user of this server`);
      const profile = await profiles.lookAtLocal(userId);
      if (field === undefined) return rawJson(JSON.stringify(profileJson(profile)));
      const value = fieldOf(profile, field);
      return rawJson(JSON.stringify(value === undefined ? {} : { [field]: value }));
    }),
  ];
}
