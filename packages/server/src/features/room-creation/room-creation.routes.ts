import * as client from '@myelin/protocol/api/client';

import { route, type Route } from '../../platform/http/index.ts';
import { createRoom } from './create-room.ts';
import type { CreationTools } from './creation-tools.ts';
import { upgradeRoom } from './upgrade-room.ts';

/** The client endpoints that make rooms. */
export function creationRoutes(tools: CreationTools): Route[] {
  return [
    route(client.createRoom, async ({ body, requester }) => ({ room_id: await createRoom(tools, requester, body) })),
    route(client.upgradeRoom, async ({ params, body, requester }) => ({
      replacement_room: await upgradeRoom(tools, requester, {
        roomId: params.roomId,
        version: body.new_version,
        additionalCreators: body.additional_creators ?? [],
      }),
    })),
  ];
}
