import * as client from '@myelin/protocol/api/client';
import { forbidden } from '@myelin/protocol/errors';

import type { Clock } from '../../platform/clock.ts';
import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import { presenceContent } from './presence.sync.ts';
import type { Presence } from './presence.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#presence */
export function presenceRoutes(presence: Presence, clock: Clock): Route[] {
  return [
    route(client.setPresence, async ({ params, body, requester }) => {
      if (params.userId !== requester.userId) throw forbidden("Nobody may set another user's presence");
      await presence.set(viewerOf(requester), body.presence, body.status_msg ?? undefined);
      return {};
    }),
    route(client.getPresence, async ({ params, requester }) => {
      const told = await presence.look(viewerOf(requester), params.userId);
      return told ? presenceContent(told, clock.now()) : { presence: 'offline' as const };
    }),
  ];
}
