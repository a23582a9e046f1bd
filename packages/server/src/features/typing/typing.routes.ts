import * as client from '@myelin/protocol/api/client';
import { forbidden } from '@myelin/protocol/errors';

import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { Typing } from './typing.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#typing-notifications */
export function typingRoutes(typing: Typing): Route[] {
  return [
    route(client.setTyping, async ({ params, body, requester }) => {
      if (params.userId !== requester.userId) throw forbidden('Nobody types for somebody else');
      await typing.set(viewerOf(requester), params.roomId, body.typing, body.timeout);
      return {};
    }),
  ];
}
