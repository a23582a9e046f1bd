import * as client from '@myelin/protocol/api/client';
import { MatrixError, notFound } from '@myelin/protocol/errors';

import { rawJson, route, type Route } from '../../platform/http/index.ts';
import { checkKey, fieldOf, profileJson } from './profile.ts';
import type { Profiles } from './profiles.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#profiles */
export function profileRoutes(profiles: Profiles): Route[] {
  return [
    route(client.getUserProfile, async ({ params, requester }) =>
      rawJson(JSON.stringify(profileJson(await profiles.look(requester, params.userId)))),
    ),
    route(client.getProfileField, async ({ params, requester }) => {
      checkKey(params.keyName);
      const value = fieldOf(await profiles.look(requester, params.userId), params.keyName);
      if (value === undefined) throw notFound('The profile has no such field');
      return rawJson(JSON.stringify({ [params.keyName]: value }));
    }),
    route(client.setProfileField, async ({ params, body, requester }) => {
      const { userId, keyName } = params;
      const value = Object.hasOwn(body, keyName) ? body[keyName] : undefined;
      if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `The body has no ${JSON.stringify(keyName)}`);
      await profiles.set(requester, userId, keyName, value);
      return {};
    }),
    route(client.deleteProfileField, async ({ params, requester }) => {
      await profiles.remove(requester, params.userId, params.keyName);
      return {};
    }),
  ];
}
