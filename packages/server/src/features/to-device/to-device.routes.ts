import * as client from '@myelin/protocol/api/client';
import { invalidParam } from '@myelin/protocol/errors';
import type { JsonObject } from '@myelin/protocol/events';
import { isUserId, type UserId } from '@myelin/protocol/identifiers';

import { route, type Route } from '../../platform/http/index.ts';
import { viewerOf } from '../../rooms/index.ts';
import type { ToDevice } from './to-device.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging */
export function toDeviceRoutes(toDevice: ToDevice): Route[] {
  return [
    route(client.sendToDevice, async ({ params, body, requester }) => {
      const messages = new Map<UserId, ReadonlyMap<string, JsonObject>>();
      for (const [userId, byDevice] of Object.entries(body.messages)) {
        if (!isUserId(userId)) throw invalidParam(`messages: ${JSON.stringify(userId)} is not a user ID`);
        const badDevice = Object.keys(byDevice).find((deviceId) => !deviceId.isWellFormed());
        if (badDevice !== undefined) throw invalidParam(`messages: ${JSON.stringify(badDevice)} is not a device ID`);
        messages.set(userId, new Map(Object.entries(byDevice)));
      }
      await toDevice.send(viewerOf(requester), { type: params.eventType, messages }, params.txnId);
      return {};
    }),
  ];
}
